import { request as httpsRequest } from "node:https";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { finished } from "node:stream/promises";
import { ConnectionError, toConnectionError } from "./connection-error.js";
import { Deadline } from "../bounds/deadline.js";
import { isTooDeep } from "./shallow-json.js";
import type { Transport } from "./transport.js";

/** The most bytes of a successful answer; a release answer has about 20 kB. */
const largestAnswerBytes = 1_048_576;
/** The most bytes of a refusal; the text of a longer one is dropped. */
const largestRefusalBytes = 65_536;
/** The bytes that a chunk of a body counts for at least: a body in many tiny chunks takes time. */
const leastChunkBytes = 64;
/** The most bytes of all headers together. It is Node's default, which NODE_OPTIONS could raise. */
const largestHeaderBytes = 16_384;
/** The most informational answers (RFC 9110, section 15.2) before the final one. */
const mostInterim = 16;

export interface Question {
  method: string;
  /** An https URL; Node throws for any other scheme. */
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Empty for a refusal (a status other than 2xx) whose body is too large, compressed, or breaks off. */
  text: string;
}

/** The same with the body's bytes. */
export interface BinaryAnswer extends Omit<Answer, "text"> {
  bytes: Buffer;
}

export interface ExchangeLimits {
  signal: AbortSignal;
  /** Longest time from the start of connecting to the last byte of the answer. */
  timeoutMs: number;
}

/**
 * Sends one request to Azure AD, a vault or an attestation service, and reads one answer of bounded size. It follows no
 * redirect. It asks for an answer without compression (RFC 9110, section 12.5.3) and accepts no other.
 *
 * @throws ConnectionError if there is no answer in time, or no usable one
 */
export async function exchange(
  transport: Transport,
  question: Question,
  limits: ExchangeLimits,
): Promise<Answer> {
  const { status, headers, bytes } = await exchangeBinary(transport, question, limits);
  const text = bytes.toString("utf8");
  if (!isTooDeep(text)) return { status, headers, text };
  if (isRefusal(status)) return { status, headers, text: "" };
  throw unusable("an answer that nests too deep");
}

/**
 * The same for a body of any bytes, whose nesting is not checked.
 *
 * @throws ConnectionError where there is no answer in time, or no usable one
 */
export async function exchangeBinary(
  transport: Transport,
  question: Question,
  { signal, timeoutMs }: ExchangeLimits,
): Promise<BinaryAnswer> {
  const deadline = new Deadline(timeoutMs, signal);
  try {
    const response = await send(transport, question, deadline.signal);
    const { statusCode: status = 0, headers } = response;
    const bytes = isRefusal(status)
      ? await readBytes(response, largestRefusalBytes).catch(() => Buffer.alloc(0))
      : await readBytes(response, largestAnswerBytes);
    return { status, headers, bytes };
  } catch (error) {
    if (!deadline.signal.aborted) throw toConnectionError(error);
    const limit = deadline.isExpired
      ? `within ${timeoutMs} ms`
      : "when time was up for all attempts";
    throw new ConnectionError("unavailable", `no answer ${limit}`);
  } finally {
    deadline.end();
  }
}

function isRefusal(status: number): boolean {
  return status < 200 || status > 299;
}

function send(
  { agent }: Transport,
  { method, url, headers, body }: Question,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, {
      method,
      agent,
      headers: { ...headers, "accept-encoding": "identity" },
      maxHeaderSize: largestHeaderBytes,
      insecureHTTPParser: false,
      // It applies until the last byte of the answer.
      signal,
    });
    let interim = 0;
    request.on("information", () => {
      interim += 1;
      if (interim <= mostInterim) return;
      reject(unusable(`more than ${mostInterim} informational answers`));
      request.destroy();
    });
    request.once("response", resolve);
    // Not `once`: an error after the answer, when the connection is destroyed, would be uncaught.
    request.on("error", reject);
    // After an answer that changes the protocol (status 101), this is the only event.
    request.once("close", () => {
      reject(unusable("a connection that ended without an answer"));
    });
    request.end(body);
  });
}

async function readBytes(response: IncomingMessage, mostBytes: number): Promise<Buffer> {
  try {
    const { "content-encoding": encoding = "identity", "content-length": length } =
      response.headers;
    if (encoding.toLowerCase() !== "identity") throw unusable("a compressed answer");
    if (Number(length ?? 0) > mostBytes) throw tooLarge(mostBytes);
    return await readBody(response, mostBytes);
  } finally {
    response.destroy();
  }
}

/** Collects a body in one buffer that grows: a list of small chunks would take many times their size. */
async function readBody(response: IncomingMessage, mostBytes: number): Promise<Buffer> {
  let buffer = Buffer.alloc(0);
  let used = 0;
  let counted = 0;
  // Events, not an iterator: that joins chunks before they can be counted.
  response.on("data", (chunk: Buffer) => {
    counted += Math.max(chunk.length, leastChunkBytes);
    if (counted > mostBytes) {
      response.destroy(tooLarge(mostBytes));
      return;
    }
    if (used + chunk.length > buffer.length) {
      const larger = Buffer.alloc(Math.max(2 * buffer.length, used + chunk.length));
      buffer.copy(larger);
      buffer = larger;
    }
    buffer.set(chunk, used);
    used += chunk.length;
  });
  await finished(response);
  return buffer.subarray(0, used);
}

function tooLarge(mostBytes: number): ConnectionError {
  return unusable(`an answer of more than ${mostBytes} bytes`);
}

function unusable(message: string): ConnectionError {
  return new ConnectionError("unusable", message);
}
