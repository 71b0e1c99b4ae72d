import { RequestError } from "../errors.js";
import { timerMs } from "../timers.js";

export interface BatchQueueOptions<Input, Output> {
  maxBatch: number;
  /** How long the first of a batch waits for others; 0: a batch is what waits when the last ends. */
  maxDelayMs: number;
  /** More than so many waiting are refused at once: a late answer helps nobody. */
  maxQueue: number;
  /** One output for each input, in order. Never called while an earlier call runs. */
  run: (inputs: Input[]) => Promise<Output[]>;
  onBatch: (size: number) => void;
}

export interface BatchResult<Output> {
  output: Output;
  queueMs: number;
  runMs: number;
}

interface Entry<Input, Output> {
  input: Input;
  owner: object | undefined;
  signal: AbortSignal;
  queuedAt: number;
  resolve: (result: BatchResult<Output>) => void;
  reject: (reason: unknown) => void;
}

/**
 * Packs what is waiting into batches, one batch at a time, the oldest first; drops entries whose asker is gone.
 * Inputs of different owners never share a batch.
 */
export class BatchQueue<Input, Output> {
  readonly #options: BatchQueueOptions<Input, Output>;
  #waiting: Entry<Input, Output>[] = [];
  #draining = false;

  constructor(options: BatchQueueOptions<Input, Output>) {
    this.#options = options;
  }

  /** Inputs whose run has not begun. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * @param owner compared by identity
   * @throws RequestError OVERLOADED, or the signal's reason where it aborts before the run
   */
  async add(
    input: Input,
    signal: AbortSignal,
    owner: object | undefined,
  ): Promise<BatchResult<Output>> {
    signal.throwIfAborted();
    if (this.#waiting.length >= this.#options.maxQueue) {
      throw new RequestError("OVERLOADED", "too many pictures are waiting; try again soon", {
        retryAfterSeconds: 1,
      });
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, owner, signal, queuedAt: performance.now(), resolve, reject });
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    while (this.#waiting.length > 0) {
      await this.#waitForMore();
      const batch = this.#take();
      if (batch.length > 0) await this.#run(batch);
    }
    this.#draining = false;
  }

  async #waitForMore(): Promise<void> {
    const { maxBatch, maxDelayMs } = this.#options;
    if (maxDelayMs === 0 || this.#waiting.length >= maxBatch) return;
    await new Promise((resolve) => setTimeout(resolve, timerMs(maxDelayMs)));
  }

  #take(): Entry<Input, Output>[] {
    const batch: Entry<Input, Output>[] = [];
    const left: Entry<Input, Output>[] = [];
    for (const entry of this.#waiting) {
      const [oldest = entry] = batch;
      if (entry.signal.aborted) entry.reject(entry.signal.reason);
      else if (batch.length < this.#options.maxBatch && entry.owner === oldest.owner) {
        batch.push(entry);
      } else left.push(entry);
    }
    this.#waiting = left;
    return batch;
  }

  async #run(batch: Entry<Input, Output>[]): Promise<void> {
    const start = performance.now();
    this.#options.onBatch(batch.length);
    try {
      const outputs = await this.#options.run(batch.map(({ input }) => input));
      const runMs = performance.now() - start;
      batch.forEach(({ queuedAt, resolve, reject }, index) => {
        const output = outputs[index];
        if (output === undefined) reject(new Error("the model gave fewer outputs than inputs"));
        else resolve({ output, queueMs: start - queuedAt, runMs });
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
}
