import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { ConfigurationError, RefusedError, describeCause } from "../errors.js";
import type { LoadRequest, WorkerRequest, WorkerResponse } from "./inference-messages.js";
import { createModelSession, type ModelSession } from "./session.js";

/** From 0 to 19. At 10 the scheduler gives a thread about a tenth of the processor time of a thread at 0. */
const niceness = 10;

/**
 * The thread that owns the model's session, and does nothing else: a run of ONNX Runtime blocks the thread that calls
 * it.
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
    const { fixedBatch, maxBatch, singlePictureReason } = this.#session;
    return { type: "loaded", fixedBatch, maxBatch, singlePictureReason };
  }
}

/** Encodes an error for the main thread, because structured cloning does not keep its class. */
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
 * Lowers the thread's priority below uploads, health checks and decoding: a batch that starts later is only larger. ONNX
 * Runtime's threads inherit the priority.
 */
function lowerPriority(): void {
  try {
    // On Linux 0 means this thread, not the process.
    setPriority(0, niceness);
  } catch {
    // Not every system has this call. Then the thread keeps its priority.
  }
}

lowerPriority();
const worker = new InferenceWorker();
parentPort?.on("message", (request: WorkerRequest) => {
  worker.answer(request).then(send, (error: unknown) => {
    send(describe(error));
  });
});
