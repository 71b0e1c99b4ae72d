import { addAbortSignal, Readable } from "node:stream";
import { isAxiosError, type AxiosInstance, type AxiosResponse } from "axios";
import { BootError, RefusedError, UnavailableError, describeCause } from "../errors.js";
import { describeConnection } from "../net/connection-error.js";
import { isTransientHttpFailure, retryAfterMs } from "../net/http-failure.js";
import { retry } from "../net/retry.js";
import { timerMs } from "../timers.js";

/** A connection that brings nothing for so long is given up and made anew. */
const idleTimeoutMs = 30_000;

export interface DownloadOptions {
  url: string;
  http: AxiosInstance;
  /** A longer file is refused. */
  maxBytes: number;
  deadlineMs: number;
  onProgress: (receivedBytes: number, totalBytes: number | undefined) => void;
  onRetry: (attempt: { number: number; reason: string; delayMs: number }) => void;
}

/** Takes the bytes in order. */
export interface DownloadSink {
  /** The file begins, or begins anew: what came before is void. */
  start(totalBytes: number | undefined): void;
  write(chunk: Uint8Array): void;
}

/**
 * Streams a file into a sink; goes on where a broken connection ended (RFC 9110, section 14), tries
 * again what may pass, and gives up at the deadline.
 *
 * @throws UnavailableError MODEL_UNREACHABLE, RefusedError MODEL_TOO_LARGE
 */
export async function download(sink: DownloadSink, options: DownloadOptions): Promise<void> {
  const { url, deadlineMs, onRetry } = options;
  const signal = AbortSignal.timeout(timerMs(deadlineMs));
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
  }
}

interface Progress {
  received: number;
  total: number | undefined;
}

async function receive(
  sink: DownloadSink,
  progress: Progress,
  signal: AbortSignal,
  options: DownloadOptions,
): Promise<void> {
  const { url, http, maxBytes, onProgress } = options;
  const response: AxiosResponse<unknown> = await http.get(url, {
    responseType: "stream",
    // The hash is of the file as it is, so nothing on the way may repack it.
    decompress: false,
    headers: {
      "Accept-Encoding": "identity",
      ...(progress.received > 0 ? { Range: `bytes=${progress.received}-` } : {}),
    },
    signal,
    // Until the answer begins; from then on it is ours to watch.
    timeout: idleTimeoutMs,
    validateStatus: (status) =>
      // 416: a connection broke after the last byte, so that there is no rest to ask for.
      status === 200 || status === 206 || (status === 416 && progress.received > 0),
  });
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
    const idle = setTimeout(() => {
      body.destroy(networkError("ETIMEDOUT", `nothing came for ${idleTimeoutMs} ms`));
    }, idleTimeoutMs);
    try {
      for await (const chunk of body) {
        if (!(chunk instanceof Uint8Array)) throw new Error("an answer that is no bytes");
        idle.refresh();
        refuseLarger(progress.received + chunk.length, { maxBytes, url });
        progress.received += chunk.length;
        sink.write(chunk);
        onProgress(progress.received, progress.total);
      }
    } finally {
      clearTimeout(idle);
    }
  } finally {
    body.destroy();
  }
  if (progress.total !== undefined && progress.received < progress.total) {
    throw networkError("ECONNRESET", `the connection ended early`);
  }
}

/** Whether the answer goes on where the last one ended; if not, it is the whole file once more. */
function continues(response: AxiosResponse, progress: Progress): boolean {
  if (response.status === 200) return false;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/u.exec(String(response.headers["content-range"]));
  if (range === null || Number(range[1]) !== progress.received) {
    // What was received is kept, so nothing but an exact continuation will do; asking anew from the
    // start is always right.
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
