import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { durationBuckets } from "./buckets.js";
import { KeyMetrics } from "./key-metrics.js";
import { collectProcessMetrics, type ProcessMetricsOptions } from "./process-metrics.js";
import { RequestMetrics } from "./request-metrics.js";

/** The stages of an upload: what its time goes into. */
const stages = ["upload", "decrypt", "queue", "decode", "inference"] as const;

/** What runs: the values of `confml_build_info`'s labels. */
export interface BuildInfo {
  version: string;
  platform: string;
}

/** The model that is served. */
export interface ModelInfo {
  name: string;
  version: string;
  /** SHA-256 of the encrypted file, in hexadecimal digits, as the configuration names it. */
  sha256: string;
  /** Size of the decrypted file. */
  bytes: number;
}

/** The server's metrics for Prometheus. */
export class Metrics {
  readonly requests: RequestMetrics;
  readonly keys: KeyMetrics;
  readonly #registry = new Registry();
  readonly #stages: Histogram<"stage">;
  readonly #batches: Histogram;

  constructor(options: ProcessMetricsOptions = { unreliable: [] }) {
    const registers = [this.#registry];
    collectProcessMetrics(this.#registry, options);
    this.requests = new RequestMetrics(this.#registry);
    this.keys = new KeyMetrics(this.#registry);
    this.#stages = new Histogram({
      name: "confml_stage_duration_seconds",
      help: "What the time of an upload went into: upload; and, where it was answered, decrypt, queue (all waiting), decode, inference.",
      labelNames: ["stage"],
      buckets: [...durationBuckets],
      registers,
    });
    for (const stage of stages) this.#stages.zero({ stage });
    this.#batches = new Histogram({
      name: "confml_batch_size",
      help: "Pictures in one run of the model.",
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      registers,
    });
  }

  /** The media type of `render`'s result. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** @param tookMs is not rounded */
  observeStage(stage: (typeof stages)[number], tookMs: number): void {
    this.#stages.observe({ stage }, tookMs / 1000);
  }

  /** @param size pictures in one run of the model */
  observeBatch(size: number): void {
    this.#batches.observe(size);
  }

  /** Registers what runs; to be called once. */
  setBuild({ version, platform }: BuildInfo): void {
    this.#setInfo("confml_build_info", "The server: its version, platform and Node.", {
      version,
      platform,
      node: process.version,
    });
  }

  /** Registers the model; to be called once. */
  setModel({ bytes, ...labels }: ModelInfo): void {
    const help = "The model: its manifest's name and version, the SHA-256 of its encrypted file.";
    this.#setInfo("confml_model_info", help, labels);
    new Gauge({
      name: "confml_model_bytes",
      help: "Size of the decrypted model's file.",
      registers: [this.#registry],
    }).set(bytes);
  }

  /** Registers the queues' lengths, which are read at each scrape; to be called once. */
  watchQueues(
    lengths: Readonly<Record<"decode" | "inference" | "attestation", () => number>>,
  ): void {
    const length = new Gauge({
      name: "confml_queue_length",
      help: "What waits for a step: pictures to be decoded or classified, requests for evidence.",
      labelNames: ["queue"],
      registers: [this.#registry],
      collect: () => {
        length.set({ queue: "decode" }, lengths.decode());
        length.set({ queue: "inference" }, lengths.inference());
        length.set({ queue: "attestation" }, lengths.attestation());
      },
    });
  }

  /** Registers the number of lost log lines, which is read at each scrape; to be called once. */
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

  /** @returns all metrics in Prometheus' text format */
  async render(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Registers a metric whose value is always 1 and whose labels are the information. */
  #setInfo(name: string, help: string, labels: Readonly<Record<string, string>>): void {
    const registers = [this.#registry];
    new Gauge({ name, help, labelNames: Object.keys(labels), registers }).set(labels, 1);
  }
}
