import { Worker } from "node:worker_threads";
import { ConfigurationError, RefusedError, UnavailableError } from "../errors.js";
import type { Picture } from "./classifier.js";
import type { BatchScores } from "./batch-runner.js";
import type {
  LoadedModel,
  LoadRequest,
  WorkerRequest,
  WorkerResponse,
} from "./inference-messages.js";
import type { Manifest } from "../model/manifest.js";
import {
  loadTimeout,
  runTimeout,
  runWithoutEnd,
  stoppingAfterTimeout,
  type ModelTimeouts,
} from "./model-timeout.js";
import { isOutOfMemory, loadOutOfMemory } from "../model/out-of-memory.js";
import type { ModelSession } from "./session.js";
import { Watchdog } from "../bounds/watchdog.js";

/** The model, its limits, and what to do if the thread fails. */
export interface InferenceThreadOptions extends LoadRequest {
  timeouts: ModelTimeouts;
  /**
   * Called once if the thread of a loaded model ends unexpectedly or hangs. No picture can be classified any more. After
   * a hang `process.exit` would not complete, either, because it waits for the thread.
   */
  onFailure: (error: Error) => void;
  /** The thread's code; default: inference-worker.js beside this file. */
  code?: URL;
}

/** V8 reserves code memory for each thread, 512 MB by default. */
const codeRangeSizeMb = 16;
/** The thread creates almost no garbage. */
const maxYoungGenerationSizeMb = 4;

/**
 * Loads a model in a new thread.
 *
 * @param options the buffer of `model` is transferred to the thread, and detached here; it must hold nothing else
 * @returns the session; its `run` throws a ClassifierError MODEL_TIMEOUT or MODEL_STOPPING once a run has hung
 * @throws RefusedError MODEL_INVALID
 * @throws ConfigurationError MODEL_OUT_OF_MEMORY
 * @throws UnavailableError MODEL_TIMEOUT; the thread then continues until the process ends
 */
export async function startInferenceThread(options: InferenceThreadOptions): Promise<ModelSession> {
  const { model, manifest, options: load, timeouts, onFailure, code } = options;
  const worker = new Worker(code ?? new URL("./inference-worker.js", import.meta.url), {
    resourceLimits: { codeRangeSizeMb, maxYoungGenerationSizeMb },
    // The thread needs none of this process's variables and arguments.
    env: {},
    argv: [],
  });
  const thread = new InferenceThread({ worker, manifest, timeouts, onFailure });
  // Sent as a message: workerData would be kept until the thread ends.
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

interface ThreadOptions extends Pick<
  InferenceThreadOptions,
  "manifest" | "timeouts" | "onFailure"
> {
  worker: Worker;
}

/** The callbacks of a pending request. */
interface PendingRequest {
  resolve: (response: WorkerResponse) => void;
  reject: (error: Error) => void;
}

/** The main thread's side of the inference thread. There is at most one pending request. */
class InferenceThread {
  readonly #worker: Worker;
  readonly #manifest: Manifest;
  readonly #timeouts: ModelTimeouts;
  readonly #loading: Watchdog;
  readonly #running: Watchdog;
  #pending: PendingRequest | undefined;
  /** The last run, for which `release` waits. */
  #lastRun: Promise<unknown> = Promise.resolve();
  /** Why the thread has ended or is given up. */
  #failure: Error | undefined;
  /** True from the end of loading to the release. In this time the thread's end is a failure of the server. */
  #isServing = false;

  constructor({ worker, manifest, timeouts, onFailure }: ThreadOptions) {
    this.#worker = worker;
    this.#manifest = manifest;
    this.#timeouts = timeouts;
    const fail = (error: Error): void => {
      if (this.#failure !== undefined) return;
      this.#failure = error;
      this.#takePending()?.reject(error);
      if (this.#isServing) onFailure(error);
    };
    // Terminating only ends a thread that hangs in JavaScript. A run of ONNX Runtime continues, and the promise stays
    // pending.
    const giveUp = (error: Error): void => {
      fail(error);
      void worker.terminate();
    };
    this.#loading = new Watchdog((timeoutMs) => {
      giveUp(loadTimeout(timeoutMs));
    });
    this.#running = new Watchdog((timeoutMs) => {
      giveUp(runTimeout(timeoutMs));
    });
    worker.on("message", (response: WorkerResponse) => {
      if (response.type !== "running") this.#takePending()?.resolve(response);
      else if (this.#pending !== undefined) this.#running.start(timeouts.runMs);
    });
    worker.once("error", fail);
    worker.once("exit", (code) => {
      fail(new Error(`the inference thread ended with code ${code}`));
    });
  }

  async load(request: WorkerRequest, transfer: ArrayBuffer[]): Promise<WorkerResponse> {
    return this.ask(request, transfer, () => {
      this.#loading.start(this.#timeouts.loadMs);
    });
  }

  /** Ends the pending request, which the caller has to settle, and stops both watchdogs. */
  #takePending(): PendingRequest | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#loading.stop();
    this.#running.stop();
    return pending;
  }

  /** The session of a model that the thread has loaded. */
  session({ fixedBatch, maxBatch, singlePictureReason }: LoadedModel): ModelSession {
    this.#isServing = true;
    return {
      manifest: this.#manifest,
      fixedBatch,
      maxBatch,
      singlePictureReason,
      run: async (pictures) => {
        const run = this.#run(pictures);
        this.#lastRun = run.catch(() => undefined);
        return run;
      },
      release: async () => {
        await this.#lastRun;
        if (this.#failure !== undefined) return;
        this.#isServing = false;
        await this.ask({ type: "release" }, []);
        await this.end();
      },
    };
  }

  async #run(pictures: readonly Picture[]): Promise<BatchScores> {
    if (this.#failure instanceof UnavailableError) throw stoppingAfterTimeout(this.#failure);
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

  /** @returns the response to the request that is about to be sent */
  async #next(startWatch: () => void): Promise<WorkerResponse> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#pending !== undefined) throw new Error("a run while another goes on");
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
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

/** The views' buffers, which are transferred to the other thread instead of copied. */
function transferable(views: readonly Picture[]): ArrayBuffer[] {
  return views.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer);
}

function unexpected(response: WorkerResponse): Error {
  const reason = response.type === "failed" ? response.reason : response.type;
  return new Error(`the inference thread answered: ${reason}`);
}
