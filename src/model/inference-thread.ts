import { Worker } from "node:worker_threads";
import { RefusedError } from "../errors.js";
import type {
  LoadedModel,
  LoadRequest,
  WorkerRequest,
  WorkerResponse,
} from "./inference-messages.js";
import type { Manifest } from "./manifest.js";
import type { ModelSession } from "./session.js";

export interface InferenceThreadOptions extends LoadRequest {
  /** The thread of a loaded model has ended without being asked to: nothing will be classified any more. */
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
 */
export async function startInferenceThread(options: InferenceThreadOptions): Promise<ModelSession> {
  const { model, manifest, options: load, onDeath, code } = options;
  const worker = new Worker(code ?? new URL("./inference-worker.js", import.meta.url), {
    resourceLimits: { codeRangeSizeMb, maxYoungGenerationSizeMb },
    // Of this process's variables and options it needs none.
    env: {},
    argv: [],
  });
  const thread = new InferenceThread(worker, manifest, onDeath);
  // Not as the thread's workerData, which would be held as long as the thread lives.
  const request: WorkerRequest = { type: "load", model, manifest, options: load };
  const response = await thread.ask(request, transferable([model]));
  if (response.type === "loaded") return thread.session(response);
  await thread.end();
  if (response.type === "refused") throw new RefusedError(response.code, response.failure);
  throw unexpected(response);
}

class InferenceThread {
  readonly #worker: Worker;
  readonly #manifest: Manifest;
  /** Who waits for the next response. */
  #waiting:
    { resolve: (response: WorkerResponse) => void; reject: (error: Error) => void } | undefined;
  /** The last run, which a release waits for. */
  #lastRun: Promise<unknown> = Promise.resolve();
  #death: Error | undefined;
  /** From the model's loading to the release. */
  #isServing = false;

  constructor(worker: Worker, manifest: Manifest, onDeath: (error: Error) => void) {
    this.#worker = worker;
    this.#manifest = manifest;
    worker.on("message", (response: WorkerResponse) => {
      this.#waiting?.resolve(response);
      this.#waiting = undefined;
    });
    const die = (error: Error): void => {
      if (this.#death !== undefined) return;
      this.#death = error;
      this.#waiting?.reject(error);
      this.#waiting = undefined;
      if (this.#isServing) onDeath(error);
    };
    worker.once("error", die);
    worker.once("exit", (code) => {
      die(new Error(`the inference thread ended with code ${code}`));
    });
  }

  session({ fixedBatch, maxBatch, aloneBecause }: LoadedModel): ModelSession {
    this.#isServing = true;
    return {
      manifest: this.#manifest,
      fixedBatch,
      maxBatch,
      aloneBecause,
      run: async (pictures) => {
        const run = this.ask({ type: "run", pictures }, transferable(pictures));
        this.#lastRun = run.catch(() => undefined);
        const response = await run;
        if (response.type === "scores") return response;
        throw unexpected(response);
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

  async #next(): Promise<WorkerResponse> {
    if (this.#death !== undefined) throw this.#death;
    if (this.#waiting !== undefined) throw new Error("a run while another goes on");
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  async end(): Promise<void> {
    this.#isServing = false;
    await this.#worker.terminate();
  }

  async ask(request: WorkerRequest, transfer: ArrayBuffer[]): Promise<WorkerResponse> {
    const response = this.#next();
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
