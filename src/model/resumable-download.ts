import { addAbortSignal, Readable } from "node:stream";
import { isAxiosError, type AxiosInstance, type AxiosResponse } from "axios";
import { BootError, RefusedError, UnavailableError, describeCause } from "../errors.js";
import { describeConnection } from "../net/connection-error.js";
import { isTransientHttpFailure, retryAfterMs } from "../net/http-failure.js";
import { Deadline } from "../bounds/deadline.js";
import { retry } from "../bounds/retry.js";

/** If a connection transfers nothing for this time, it is closed and the download is resumed on another. */
const idleTimeoutMs = 30_000;

/** The file, its limits, and callbacks for the log. */
export interface DownloadOptions {
  url: string;
  http: AxiosInstance;
  /** A longer file is refused. */
  maxBytes: number;
  /** Time limit for all attempts together. */
  deadlineMs: number;
  /** Called after each chunk; `totalBytes` is undefined if the server sends no Content-Length. */
  onProgress: (receivedBytes: number, totalBytes: number | undefined) => void;
  /** Called after each failed attempt that is followed by another. Attempts are numbered from 1. */
  onRetry: (attempt: { number: number; reason: string; delayMs: number }) => void;
}

/** Receives the file's bytes in order. */
export interface DownloadSink {
  /** Called when the file starts, or starts again; all bytes received before are to be discarded. */
  start(totalBytes: number | undefined): void;
  write(chunk: Uint8Array): void;
}

/**
 * Streams a file into a sink. After a broken connection it resumes with a range request (RFC 9110, section 14). Failures
 * that may be transient are retried until the deadline.
 *
 * @throws UnavailableError MODEL_UNREACHABLE; RefusedError MODEL_TOO_LARGE; a BootError that the sink throws
 */
export async function download(sink: DownloadSink, options: DownloadOptions): Promise<void> {
  const { url, deadlineMs, onRetry } = options;
  const deadline = new Deadline(deadlineMs);
  const { signal } = deadline;
  const progress: Progress = { received: 0, total: undefined };
  try {
    await retry(() => receive(sink, progress, signal, options), {
      signal,
      isTransient: isTransientHttpFailure,
      retryAfterMs,
      onRetry: ({ number, error, delayMs }) => {
        onRetry({ number, reason: describeFailure(error), delayMs });
      },
    });
  } catch (cause) {
    if (cause instanceof BootError) throw cause;
    throw new UnavailableError(
      "MODEL_UNREACHABLE",
      {
        doing: `downloading ${url}`,
        expected: `the encrypted model within ${deadlineMs} ms (Inference.Model.DeadlineMs)`,
        got: `${describeFailure(cause)}, after ${progress.received} bytes`,
        fix: "Check Inference.Model.Url and the network, then start again",
      },
      { cause },
    );
  } finally {
    deadline.end();
  }
}

interface Progress {
  received: number;
  total: number | undefined;
}

/** One attempt: requests the file, or the rest of it, and streams it into the sink. */
async function receive(
  sink: DownloadSink,
  progress: Progress,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<void> {
  const response = await request(progress, signal, options);
  const body = response.data;
  if (!(body instanceof Readable)) throw new Error("an answer without a body");
  try {
    if (!continues(response, progress)) {
      progress.received = 0;
      progress.total = contentLength(response);
      refuseLarger(progress.total ?? 0, options);
      sink.start(progress.total);
    }
    addAbortSignal(signal, body);
    await readBody(body, sink, progress, options);
  } finally {
    body.destroy();
  }
  if (progress.total !== undefined && progress.received < progress.total) {
    throw networkError("ECONNRESET", `the connection ended early`);
  }
}

async function request(
  progress: Progress,
  signal: AbortSignal,
  { url, http }: DownloadOptions,
): Promise<AxiosResponse<unknown>> {
  return http.get(url, {
    responseType: "stream",
    // The hash is of the file as stored, so it must not be compressed in transit.
    decompress: false,
    headers: {
      "Accept-Encoding": "identity",
      ...(progress.received > 0 ? { Range: `bytes=${progress.received}-` } : {}),
    },
    signal,
    // Applies until the response begins; `readBody` watches the body.
    timeout: idleTimeoutMs,
    validateStatus: (status) =>
      // 416: the connection broke after the last byte, so no range is left to request.
      status === 200 || status === 206 || (status === 416 && progress.received > 0),
  });
}

/** Writes the body to the sink; destroys it if nothing arrives for `idleTimeoutMs`. */
async function readBody(
  body: Readable,
  sink: DownloadSink,
  progress: Progress,
  options: DownloadOptions,
): Promise<void> {
  const idle = setTimeout(() => {
    body.destroy(networkError("ETIMEDOUT", `nothing came for ${idleTimeoutMs} ms`));
  }, idleTimeoutMs);
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) throw new Error("an answer that is no bytes");
      idle.refresh();
      refuseLarger(progress.received + chunk.length, options);
      progress.received += chunk.length;
      sink.write(chunk);
      options.onProgress(progress.received, progress.total);
    }
  } finally {
    clearTimeout(idle);
  }
}

/**
 * Whether the response continues where the last one ended. If not, it is the whole file.
 *
 * @throws Error for any other range; the next attempt then requests the whole file
 */
function continues(response: AxiosResponse, progress: Progress): boolean {
  if (response.status === 200) return false;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/u.exec(String(response.headers["content-range"]));
  if (range === null || Number(range[1]) !== progress.received) {
    // The sink keeps what it received, so only an exact continuation is usable.
    progress.received = 0;
    throw networkError("ECONNRESET", "the server sent another range than was asked for");
  }
  return progress.received > 0;
}

function contentLength(response: AxiosResponse): number | undefined {
  const header: unknown = response.headers["content-length"];
  return typeof header === "string" && /^\d+$/u.test(header) ? Number(header) : undefined;
}

function refuseLarger(bytes: number, { maxBytes, url }: { maxBytes: number; url: string }): void {
  if (bytes <= maxBytes) return;
  throw new RefusedError("MODEL_TOO_LARGE", {
    doing: `downloading ${url}`,
    expected: `at most ${maxBytes} bytes (Inference.Model.MaxBytes)`,
    got: `${bytes} or more`,
    fix: "Check Inference.Model.Url, or raise the limit",
  });
}

function networkError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function describeFailure(error: unknown): string {
  if (!isAxiosError(error)) return describeCause(error);
  return error.response === undefined ? describeConnection(error) : `HTTP ${error.response.status}`;
}
