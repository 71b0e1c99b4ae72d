import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { durationBuckets, upToBucket } from "./buckets.js";

/** A kind of request: what tells the series of the request metrics apart. */
export interface RequestKind {
  /** The request's method; other methods than GET, HEAD and POST share the label `other`. */
  method: string;
  /** The route's pattern, never the path that the client sent. */
  route: string;
  /** The answer's HTTP status; 499: the connection was closed before the whole answer was sent. */
  status: number;
  /** The error's code; undefined if there was none. */
  code: string | undefined;
}

/** A finished request. */
export interface RequestCount extends RequestKind {
  /** Milliseconds from the end of the request's head to the end of its answer. */
  tookMs: number;
}

const closedByClient = 499;
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST"]);
/** Why a ciphertext was refused must not show; its exact duration would be a measure of that. */
const secretCause = "ENCRYPTED_IMAGE_REJECTED";

/** Counters and durations of requests. Labels never contain client input. */
export class RequestMetrics {
  readonly #requests: Counter<"method" | "route" | "status" | "code">;
  readonly #durations: Histogram<"method" | "route" | "status">;
  readonly #inFlight: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#requests = new Counter({
      name: "confml_requests_total",
      help: "Requests that ended, by method, route, HTTP status and error code.",
      labelNames: ["method", "route", "status", "code"],
      registers,
    });
    this.#durations = new Histogram({
      name: "confml_request_duration_seconds",
      help: "Time from the end of a request's head to the end of its answer.",
      labelNames: ["method", "route", "status"],
      buckets: [...durationBuckets],
      registers,
    });
    this.#inFlight = new Gauge({
      name: "confml_requests_in_flight",
      help: "Requests that have arrived and are not answered yet.",
      registers,
    });
  }

  /** Makes the series of these kinds appear, with 0: a counter that starts at 1 has no increase. */
  declare(kinds: Iterable<RequestKind>): void {
    for (const { status, code = "", ...kind } of kinds) {
      const labels = { ...kind, status: String(status) };
      this.#requests.inc({ ...labels, code }, 0);
      this.#durations.zero(labels);
    }
  }

  /** Counts a request as in flight until `count`. */
  start(): void {
    this.#inFlight.inc();
  }

  /** Counts a request that has ended. */
  count({ method: asked, route, status, code, tookMs }: RequestCount): void {
    const method = methods.has(asked) ? asked : "other";
    const labels = { method, route, status: String(status) };
    const seconds = tookMs / 1000;
    this.#inFlight.dec();
    // A client that left did not get the error.
    this.#requests.inc({ ...labels, code: status === closedByClient ? "" : (code ?? "") });
    this.#durations.observe(labels, code === secretCause ? upToBucket(seconds) : seconds);
  }
}
