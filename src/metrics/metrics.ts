import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ImageKeys } from "../keys/image-keys.js";
import type { AcceptOutcome } from "../keys/key-versions.js";
import { collectProcessMetrics, type ProcessMetricsOptions } from "./process-metrics.js";

/** Labels and duration of a request. Labels never contain client input. */
export interface RequestCount {
  route: string;
  status: number;
  /** The error's code; undefined if there was none. */
  code: string | undefined;
  /** Milliseconds from the request's first byte to the end of its answer. */
  tookMs: number;
}

/** Upper bounds of the histograms' buckets, in seconds. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The server's metrics for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"route" | "status" | "code">;
  readonly #durations: Histogram<"route">;
  readonly #refreshes: Counter<"secret" | "outcome">;
  readonly #attempts: Counter<"secret">;
  readonly #stages: Histogram<"stage">;
  readonly #batches: Histogram;

  constructor(options: ProcessMetricsOptions = { unreliable: [] }) {
    const registers = [this.#registry];
    collectProcessMetrics(this.#registry, options);
    this.#requests = new Counter({
      name: "confml_requests_total",
      help: "Requests answered, by route, HTTP status and error code.",
      labelNames: ["route", "status", "code"],
      registers,
    });
    this.#durations = new Histogram({
      name: "confml_request_duration_seconds",
      help: "From a request's first byte to the end of its answer.",
      labelNames: ["route"],
      buckets,
      registers,
    });
    this.#stages = new Histogram({
      name: "confml_stage_duration_seconds",
      help: "What the time of an upload went into: upload; and, where it was answered, decrypt, queue (all waiting), decode, inference.",
      labelNames: ["stage"],
      buckets,
      registers,
    });
    this.#batches = new Histogram({
      name: "confml_batch_size",
      help: "Pictures in one run of the model.",
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      registers,
    });
    this.#refreshes = new Counter({
      name: "confml_key_refreshes_total",
      help: "Keys fetched again while serving: first, unchanged, rotated or failed.",
      labelNames: ["secret", "outcome"],
      registers,
    });
    this.#attempts = new Counter({
      name: "confml_release_retries_total",
      help: "Attempts to get a key that failed and were made again.",
      labelNames: ["secret"],
      registers,
    });
  }

  /** The media type of `render`'s result. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  countRequest({ route, status, code, tookMs }: RequestCount): void {
    this.#requests.inc({ route, status, code: code ?? "" });
    this.#durations.observe({ route }, tookMs / 1000);
  }

  /** @param stage one of the names in the metric's help text */
  observeStage(stage: string, tookMs: number): void {
    this.#stages.observe({ stage }, tookMs / 1000);
  }

  /** @param size pictures in one run of the model */
  observeBatch(size: number): void {
    this.#batches.observe(size);
  }

  /** Registers the model's size; to be called once. */
  setModelBytes(bytes: number): void {
    new Gauge({
      name: "confml_model_bytes",
      help: "Size of the decrypted model's file.",
      registers: [this.#registry],
    }).set(bytes);
  }

  /** Registers the queues' lengths, which are read on each `render`; to be called once. */
  watchQueues(lengths: Readonly<Record<"decode" | "inference", () => number>>): void {
    const length = new Gauge({
      name: "confml_queue_length",
      help: "Pictures that wait for a step: to be decoded, to be classified.",
      labelNames: ["queue"],
      registers: [this.#registry],
      collect: () => {
        length.set({ queue: "decode" }, lengths.decode());
        length.set({ queue: "inference" }, lengths.inference());
      },
    });
  }

  /** Registers the number of lost log lines, which is read on each `render`; to be called once. */
  watchLog(lostLines: () => number): void {
    const lost = new Counter({
      name: "confml_log_lines_lost_total",
      help: "Lines of the log that could not be written: its reader or its disk did not take them.",
      registers: [this.#registry],
      collect: () => {
        lost.reset();
        lost.inc(lostLines());
      },
    });
  }

  countRefresh(secret: string, outcome: AcceptOutcome | "failed"): void {
    this.#refreshes.inc({ secret, outcome });
  }

  countRetry(secret: string): void {
    this.#attempts.inc({ secret });
  }

  /** Registers the state of the data owners' keys, which is read on each `render`; to be called once. */
  watchKeys(keys: ImageKeys): void {
    const key = new Gauge({
      name: "confml_image_key",
      help: "1 for the state that a data owner's key is in: current, stale (fetching it again failed), missing.",
      labelNames: ["secret", "state"],
      registers: [this.#registry],
      collect: () => {
        for (const { id, state: present } of keys.statuses()) {
          for (const state of ["current", "stale", "missing"] as const) {
            key.set({ secret: id, state }, state === present ? 1 : 0);
          }
        }
      },
    });
  }

  /** @returns all metrics in Prometheus' text format */
  async render(): Promise<string> {
    return this.#registry.metrics();
  }
}
