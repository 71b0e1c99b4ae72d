import { Worker } from "node:worker_threads";
import { ConfigurationError, RefusedError, UnavailableError } from "../errors.js";
import type { BatchScores } from "./batch-runner.js";
import type {
  LoadedModel,
  LoadRequest,
  WorkerRequest,
  WorkerResponse,
} from "./inference-messages.js";
import type { Manifest } from "./manifest.js";
import {
  loadTimeout,
  runTimeout,
  runWithoutEnd,
  stoppingAfterTimeout,
  type ModelTimeouts,
} from "./model-timeout.js";
import { isOutOfMemory, loadOutOfMemory } from "./out-of-memory.js";
import type { ModelSession } from "./session.js";
import { Watchdog } from "./watchdog.js";

export interface InferenceThreadOptions extends LoadRequest {
  timeouts: ModelTimeouts;
  /**
   * The thread of a loaded model has ended without being asked to, or hangs: nothing will be classified any more, and
   * where it hangs the process does not end in an ordinary way, either.
   */
  onDeath: (error: Error) => void;
  /** The thread's code, where it is not beside this file. */
  code?: URL;
}

/** V8 sets aside code memory for each thread; 512 MB of it, were it not told otherwise. */
const codeRangeSizeMb = 16;
/** The thread makes next to no garbage. */
const maxYoungGenerationSizeMb = 4;

/**
 * Loads a model in a thread of its own.
 *
 * @param options `model` goes over to the thread: its buffer, which must hold nothing else, is empty
 *   from then on
 * @throws RefusedError MODEL_INVALID
 * @throws ConfigurationError MODEL_OUT_OF_MEMORY
 * @throws UnavailableError MODEL_TIMEOUT; the thread then goes on until the process ends
 */
export async function startInferenceThread(options: InferenceThreadOptions): Promise<ModelSession> {
  const { model, manifest, options: load, timeouts, onDeath, code } = options;
  const worker = new Worker(code ?? new URL("./inference-worker.js", import.meta.url), {
    resourceLimits: { codeRangeSizeMb, maxYoungGenerationSizeMb },
    // Of this process's variables and options it needs none.
    env: {},
    argv: [],
  });
  const thread = new InferenceThread({ worker, manifest, timeouts, onDeath });
  // Not as the thread's workerData, which would be held as long as the thread lives.
  const request: WorkerRequest = { type: "load", model, manifest, options: load };
  const response = await thread.load(request, transferable([model])).catch((error: unknown) => {
    throw isOutOfMemory(error) ? loadOutOfMemory(load.maxBatch, error) : error;
  });
  if (response.type === "loaded") return thread.session(response);
  await thread.end();
  if (response.type !== "refused") throw unexpected(response);
  const { kind, code: reason, failure } = response;
  throw kind === "refused"
    ? new RefusedError(reason, failure)
    : new ConfigurationError(reason, failure);
}

interface ThreadOptions extends Pick<InferenceThreadOptions, "manifest" | "timeouts" | "onDeath"> {
  worker: Worker;
}

interface Waiting {
  resolve: (response: WorkerResponse) => void;
  reject: (error: Error) => void;
}

class InferenceThread {
  readonly #worker: Worker;
  readonly #manifest: Manifest;
  readonly #timeouts: ModelTimeouts;
  readonly #loading: Watchdog;
  readonly #running: Watchdog;
  /** Who waits for the next response. */
  #waiting: Waiting | undefined;
  /** The last run, which a release waits for. */
  #lastRun: Promise<unknown> = Promise.resolve();
  #death: Error | undefined;
  /** From the model's loading to the release. */
  #isServing = false;

  constructor({ worker, manifest, timeouts, onDeath }: ThreadOptions) {
    this.#worker = worker;
    this.#manifest = manifest;
    this.#timeouts = timeouts;
    const die = (error: Error): void => {
      if (this.#death !== undefined) return;
      this.#death = error;
      this.#settle()?.reject(error);
      if (this.#isServing) onDeath(error);
    };
    // Ends a thread that hangs in JavaScript; a run of ONNX Runtime goes on, and the promise is never settled.
    const hang = (error: Error): void => {
      die(error);
      void worker.terminate();
    };
    this.#loading = new Watchdog((timeoutMs) => {
      hang(loadTimeout(timeoutMs));
    });
    this.#running = new Watchdog((timeoutMs) => {
      hang(runTimeout(timeoutMs));
    });
    worker.on("message", (response: WorkerResponse) => {
      if (response.type !== "running") this.#settle()?.resolve(response);
      else if (this.#waiting !== undefined) this.#running.start(timeouts.runMs);
    });
    worker.once("error", die);
    worker.once("exit", (code) => {
      die(new Error(`the inference thread ended with code ${code}`));
    });
  }

  async load(request: WorkerRequest, transfer: ArrayBuffer[]): Promise<WorkerResponse> {
    return this.ask(request, transfer, () => {
      this.#loading.start(this.#timeouts.loadMs);
    });
  }

  /** @returns who waited, if anybody did; nothing is timed from now on */
  #settle(): Waiting | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#loading.stop();
    this.#running.stop();
    return waiting;
  }

  session({ fixedBatch, maxBatch, aloneBecause }: LoadedModel): ModelSession {
    this.#isServing = true;
    return {
      manifest: this.#manifest,
      fixedBatch,
      maxBatch,
      aloneBecause,
      run: async (pictures) => {
        const run = this.#run(pictures);
        this.#lastRun = run.catch(() => undefined);
        return run;
      },
      release: async () => {
        await this.#lastRun;
        if (this.#death !== undefined) return;
        this.#isServing = false;
        await this.ask({ type: "release" }, []);
        await this.end();
      },
    };
  }

  async #run(pictures: readonly Uint8Array[]): Promise<BatchScores> {
    if (this.#death instanceof UnavailableError) throw stoppingAfterTimeout(this.#death);
    try {
      const request: WorkerRequest = { type: "run", pictures };
      const response = await this.ask(request, transferable(pictures), () => {
        this.#running.start(this.#timeouts.runMs);
      });
      if (response.type === "scores") return response;
      throw unexpected(response);
    } catch (error) {
      throw error instanceof UnavailableError ? runWithoutEnd(error) : error;
    }
  }

  async #next(startWatch: () => void): Promise<WorkerResponse> {
    if (this.#death !== undefined) throw this.#death;
    if (this.#waiting !== undefined) throw new Error("a run while another goes on");
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      startWatch();
    });
  }

  async end(): Promise<void> {
    this.#isServing = false;
    await this.#worker.terminate();
  }

  async ask(
    request: WorkerRequest,
    transfer: ArrayBuffer[],
    startWatch: () => void = () => undefined,
  ): Promise<WorkerResponse> {
    const response = this.#next(startWatch);
    this.#worker.postMessage(request, transfer);
    return response;
  }
}

/** Handed over, not copied. */
function transferable(views: readonly Uint8Array[]): ArrayBuffer[] {
  return views.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer);
}

function unexpected(response: WorkerResponse): Error {
  const reason = response.type === "failed" ? response.reason : response.type;
  return new Error(`the inference thread answered: ${reason}`);
}
