import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { ConfigurationError, RefusedError, describeCause } from "../errors.js";
import type { LoadRequest, WorkerRequest, WorkerResponse } from "./inference-messages.js";
import { createModelSession, type ModelSession } from "./session.js";

/** Of 19: a tenth of the others' weight, where processors are scarce. */
const niceness = 10;

/**
 * The thread that owns the model's session, and nothing else. A run of ONNX Runtime holds up the thread
 * that asks for it; here nobody else waits.
 */
class InferenceWorker {
  #session: ModelSession | undefined;

  async answer(request: WorkerRequest): Promise<WorkerResponse> {
    if (request.type === "load") return this.#load(request);
    if (this.#session === undefined) throw new Error("no model is loaded");
    if (request.type === "run") {
      return { type: "scores", ...(await this.#session.run(request.pictures)) };
    }
    await this.#session.release();
    return { type: "released" };
  }

  async #load({ model, manifest, options }: LoadRequest): Promise<WorkerResponse> {
    this.#session = await createModelSession(model, manifest, options, () => {
      send({ type: "running" });
    });
    const { fixedBatch, maxBatch, aloneBecause } = this.#session;
    return { type: "loaded", fixedBatch, maxBatch, aloneBecause };
  }
}

/** An error's class does not survive the way between threads. */
function describe(error: unknown): WorkerResponse {
  if (error instanceof RefusedError || error instanceof ConfigurationError) {
    const kind = error instanceof RefusedError ? "refused" : "configuration";
    return { type: "refused", kind, code: error.code, failure: error.failure };
  }
  return { type: "failed", reason: describeCause(error) };
}

function send(response: WorkerResponse): void {
  const transfer = response.type === "scores" ? [response.scores.buffer] : [];
  parentPort?.postMessage(response, transfer);
}

/**
 * Uploads, health checks and decoding come first: a batch that starts a little later is only larger. ONNX
 * Runtime's threads inherit it.
 */
function stepBack(): void {
  try {
    // On Linux 0 is this thread, not the process.
    setPriority(0, niceness);
  } catch {
    // A wish: not every system has such a call.
  }
}

stepBack();
const worker = new InferenceWorker();
parentPort?.on("message", (request: WorkerRequest) => {
  worker.answer(request).then(send, (error: unknown) => {
    send(describe(error));
  });
});
