import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { ConfigurationError, RefusedError, describeCause } from "../errors.js";
import type { LoadRequest, WorkerRequest, WorkerResponse } from "./inference-messages.js";
import { createModelSession, type ModelSession } from "./session.js";

/** Nice value of the thread. At 10 the scheduler gives it about a tenth of the processor time of a thread at 0. */
const niceness = 10;

/** Owns the model's session in a thread of its own, because a run of ONNX Runtime blocks the thread that calls it. */
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

/** Encodes an error for the main thread, because structured cloning does not preserve the error's class. */
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
 * Lowers the priority of this thread, so that uploads, health checks and decoding go first. Throughput does not suffer: a
 * batch that starts later contains more pictures. ONNX Runtime's threads inherit the priority.
 */
function lowerPriority(): void {
  try {
    // On Linux 0 means this thread, not the process.
    setPriority(0, niceness);
  } catch {
    // The system lacks or refuses the call. The thread keeps its priority.
  }
}

lowerPriority();
const worker = new InferenceWorker();
parentPort?.on("message", (request: WorkerRequest) => {
  worker.answer(request).then(send, (error: unknown) => {
    send(describe(error));
  });
});
