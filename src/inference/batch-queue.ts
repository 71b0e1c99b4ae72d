import { timerMs } from "../bounds/timers.js";
import { ClassifierError } from "./classifier-error.js";

/** Limits and callbacks of a `BatchQueue`. */
export interface BatchQueueOptions<Input, Output> {
  /** Most inputs in one batch. */
  maxBatch: number;
  /** How long a batch waits for more inputs. With 0, a batch is everything queued when the previous run ends. */
  maxDelayMs: number;
  /** Most inputs that wait; further ones are refused at once. */
  maxQueue: number;
  /** Returns one output for each input, in order. It is never called while an earlier call is pending. */
  run: (inputs: Input[]) => Promise<Output[]>;
  /** Called with the number of inputs at the start of each run. */
  onBatch: (size: number) => void;
}

/** The result for one input. */
export interface BatchResult<Output> {
  output: Output;
  /** Milliseconds from `add` to the start of the run. */
  queueMs: number;
  /** Milliseconds of the run. */
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
 * Collects inputs into batches and runs one batch at a time, oldest first. Inputs whose signal has aborted are dropped.
 * Inputs of different owners never share a batch.
 */
export class BatchQueue<Input, Output> {
  readonly #options: BatchQueueOptions<Input, Output>;
  #waiting: Entry<Input, Output>[] = [];
  #draining = false;

  constructor(options: BatchQueueOptions<Input, Output>) {
    this.#options = options;
  }

  /** Number of inputs whose run has not begun. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Queues an input.
   *
   * @param signal drops the input if it aborts before the input's run begins
   * @param owner compared by identity; undefined is an owner, too
   * @returns the input's output, when its run has ended
   * @throws ClassifierError MODEL_QUEUE_FULL; the signal's reason if it aborts before the run; what `run` throws; Error
   *   if `run` returns too few outputs
   */
  async add(
    input: Input,
    signal: AbortSignal,
    owner: object | undefined,
  ): Promise<BatchResult<Output>> {
    signal.throwIfAborted();
    if (this.#waiting.length >= this.#options.maxQueue) {
      throw new ClassifierError(
        "MODEL_QUEUE_FULL",
        "too many pictures are waiting; try again soon",
      );
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
