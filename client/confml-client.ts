import {
  verifyServer,
  type CollateralSource,
  type ServerProof,
} from "./attestation/verify-server.js";
import { readClassification, type Classification } from "./classification.js";
import { sha256, toBase64url, toHex } from "./encoding.js";
import { verifyReceipt, type ReceiptClaims } from "./messages/receipt.js";
import { encryptWithKey, openWithKey, type SharedKey } from "./messages/shared-key.js";
import { encryptToServer, openAnswer } from "./messages/upload.js";
import { readBounded } from "./read-bounded.js";
import { withRetries } from "./retries.js";
import { ServerError, toServerError } from "./server-error.js";
import { parseClientPolicy, type ClientPolicy } from "./policy/client-policy.js";
import type { TrustedRoot } from "./quote/certificate-chain.js";
import { VerificationError } from "./verification-error.js";

const keyBytes = 32;
const nonceBytes = 32;
const maxAnswerBytes = 16_777_216;
const defaultTimeoutMs = 60_000;
const defaultMaxWaitMs = 60_000;
/** A proof is used for so long; a server that has restarted since says so by `ATTESTATION_OUTDATED`. */
const proofLifeMs = 300_000;

export interface ConfmlClientOptions {
  /** 32 bytes that the server gets from the owner's vault. Without it, pictures are encrypted to the attested key. */
  key?: Uint8Array;
  /** Names `key` to the server: the secret's ID, or ID/version. */
  kid?: string;
  /** What the server has to prove before anything is sent to it: a policy, or its JSON as text. */
  policy?: ClientPolicy | string;
  /** Allows pictures to leave without encryption, where neither `key` nor `policy` is given. */
  plain?: boolean;
  /** In place of the global one. */
  fetch?: Connection["fetch"];
  /**
   * In place of `fetch`: called before each verification. `() => pinTls(url)` (client/node) binds the TLS connection to the
   * attested key; browsers do not show a connection's key.
   */
  connect?: () => Promise<Connection>;
  /** Default: the collateral in the server's answer. */
  collateral?: CollateralSource;
  /** Default: Intel's SGX root CA alone. An emulator's root makes every proof worthless. */
  roots?: readonly TrustedRoot[];
  /** Time for one attempt, in milliseconds. Default: 60,000. */
  timeoutMs?: number;
  /** All waits of one call together that the server may ask for, in milliseconds. Default: 60,000. */
  maxWaitMs?: number;
  /** Attempts where the server asks to try again later. Default: 5. */
  maxAttempts?: number;
}

/** A way to the server. */
export interface Connection {
  fetch: (url: string | URL, init?: RequestInit) => Promise<Response>;
  /** SHA-256 of the SubjectPublicKeyInfo that the server showed in the TLS handshake. */
  tlsKeySha256?: Uint8Array;
  close?: () => void;
}

export type Stage = "verifying" | "encrypting" | "sending" | "waiting";

export interface ClassifyOptions {
  /** How many labels, best first. Default: the server's, 5. */
  top?: number;
  /** Asks for a receipt and verifies it; needs a policy. */
  receipt?: boolean;
  signal?: AbortSignal;
  /** Called when another step begins; `waiting` before another attempt. */
  onProgress?: (stage: Stage) => void;
}

export interface Result extends Classification {
  /** The verified receipt's claims, beside its JWS in `receipt`. */
  receiptClaims?: ReceiptClaims;
  /** What the server proved before the picture was sent; undefined without a policy. */
  proof?: ServerProof;
}

interface Sealed {
  body: Uint8Array<ArrayBuffer>;
  name: string;
  type: string;
  /** Opens the answer; undefined where it comes in the clear. */
  open: ((answer: string) => Promise<string>) | undefined;
}

/**
 * A client of one confml server. It verifies the server against its policy before it sends anything, encrypts pictures, opens
 * and checks answers, and tries again where the server asks for it.
 */
export class ConfmlClient {
  readonly #url: string;
  readonly #options: ConfmlClientOptions;
  readonly #shared: SharedKey | undefined;
  readonly #policy: ClientPolicy | undefined;
  #session: { value: Promise<Session>; madeAt: number } | undefined;
  #connection: Promise<Connection> | undefined;

  /**
   * @param url the server's address, such as `https://server.example:8443`
   * @throws TypeError for options that would send pictures unprotected by mistake
   * @throws VerificationError POLICY_INVALID
   */
  constructor(url: string | URL, options: ConfmlClientOptions = {}) {
    const { key, kid, policy, plain = false } = options;
    if ((key === undefined) !== (kid === undefined))
      throw new TypeError("give key and kid together");
    if (key !== undefined && key.length !== keyBytes)
      throw new TypeError("expected a key of 32 bytes");
    if (key === undefined && policy === undefined && !plain) {
      throw new TypeError("give a policy or a key; or plain: true, which protects nothing");
    }
    if (plain && (key !== undefined || policy !== undefined)) {
      throw new TypeError("plain: true is for neither a policy nor a key");
    }
    this.#url = new URL(url).href.replace(/\/+$/u, "");
    this.#options = options;
    this.#shared = key === undefined || kid === undefined ? undefined : { key, kid };
    this.#policy = typeof policy === "string" ? parseClientPolicy(policy) : policy;
  }

  /**
   * Verifies the server, with a nonce of its own.
   *
   * @throws VerificationError, ServerError; TypeError without a policy or a connection
   */
  async verify(signal?: AbortSignal): Promise<ServerProof> {
    return (await this.#open(signal)).proof ?? noPolicy();
  }

  /** Connects, and verifies the server over this connection if there is a policy. */
  async #open(signal?: AbortSignal): Promise<Session> {
    const connection = await this.#connected();
    const policy = this.#policy;
    if (policy === undefined) return { connection, proof: undefined };
    return { connection, proof: await this.#verifyOver(connection, policy, signal) };
  }

  async #verifyOver(
    connection: Connection,
    policy: ClientPolicy,
    signal: AbortSignal | undefined,
  ): Promise<ServerProof> {
    const { collateral, roots } = this.#options;
    const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
    const text = await this.#retrying(signal, undefined, () =>
      this.#get(connection, `/attestation?nonce=${toBase64url(nonce)}`, signal),
    );
    return verifyServer({
      attestation: parseJson(text),
      nonce,
      tlsKeySha256: connection.tlsKeySha256,
      policy,
      now: new Date(),
      ...(roots === undefined ? {} : { roots }),
      ...(collateral === undefined ? {} : { collateral }),
    });
  }

  /**
   * Classifies a picture.
   *
   * @param picture an image file: JPEG, PNG, WebP, AVIF, GIF or TIFF
   * @throws VerificationError where the server, its answer or its receipt proves nothing; ServerError for the server's errors;
   *   the signal's reason; TypeError without a connection
   */
  async classify(picture: Uint8Array | Blob, options: ClassifyOptions = {}): Promise<Result> {
    if (options.receipt === true && this.#policy === undefined) {
      throw new TypeError("a receipt is verified with the server's proof: give a policy");
    }
    const bytes = picture instanceof Blob ? new Uint8Array(await picture.arrayBuffer()) : picture;
    try {
      return await this.#classifyOnce(bytes, options);
    } catch (error) {
      // The server restarted, and has other keys than those that were verified: it has to prove itself anew.
      if (!hasOtherKeys(error) || this.#policy === undefined) throw error;
      this.close();
      return this.#classifyOnce(bytes, options);
    }
  }

  /** Closes the connection and forgets the proof. The next call connects and verifies again. */
  close(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#session = undefined;
    connection?.then(
      ({ close }) => close?.(),
      () => undefined,
    );
  }

  async #classifyOnce(picture: Uint8Array, options: ClassifyOptions): Promise<Result> {
    const { signal, onProgress } = options;
    onProgress?.("verifying");
    const { connection, proof } = await this.#currentSession(signal);
    onProgress?.("encrypting");
    const sealed = await this.#seal(picture, proof, options);
    const answer = await this.#retrying(signal, onProgress, () => {
      onProgress?.("sending");
      return this.#upload(connection, sealed, options);
    });
    const text = sealed.open === undefined ? answer : await sealed.open(answer);
    const classification = readClassification(text);
    if (sealed.open !== undefined) await requireSameRequest(classification, sealed.body);
    const { receipt } = classification;
    if (options.receipt !== true || proof === undefined) {
      return { ...classification, ...(proof === undefined ? {} : { proof }) };
    }
    if (receipt === undefined) {
      throw new VerificationError("RECEIPT_INVALID", "the answer: expected a receipt, got none");
    }
    const { claims: receiptClaims } = await verifyReceipt(receipt, {
      proof,
      request: sealed.body,
      answer: new TextEncoder().encode(text),
    });
    return { ...classification, proof, receiptClaims };
  }

  /**
   * The connection and what the server proved over it; proved anew after five minutes. Pictures that are sent at once share
   * one, so it does not end with one caller's signal.
   */
  async #currentSession(signal: AbortSignal | undefined): Promise<Session> {
    const known = this.#session;
    if (known !== undefined && Date.now() - known.madeAt < proofLifeMs) {
      return untilAborted(known.value, signal);
    }
    const value = this.#open();
    const made = { value, madeAt: Date.now() };
    this.#session = made;
    value.catch(() => {
      if (this.#session === made) this.#session = undefined;
    });
    return untilAborted(value, signal);
  }

  async #seal(
    picture: Uint8Array,
    proof: ServerProof | undefined,
    { top, receipt = false }: ClassifyOptions,
  ): Promise<Sealed> {
    const shared = this.#shared;
    const encode = (jwe: string): Omit<Sealed, "open"> => ({
      body: new TextEncoder().encode(jwe),
      name: "picture.jwe",
      type: "application/jose",
    });
    if (shared !== undefined) {
      const sealed = encode(await encryptWithKey(picture, shared));
      return { ...sealed, open: (answer) => openWithKey(answer, shared) };
    }
    if (proof !== undefined) {
      const { jwe, replyKey } = await encryptToServer(picture, proof.runtimeData.encryption, {
        receipt,
        ...(top === undefined ? {} : { top }),
      });
      return { ...encode(jwe), open: (answer) => openAnswer(answer, replyKey) };
    }
    const body = new Uint8Array(picture);
    return { body, name: "picture", type: "application/octet-stream", open: undefined };
  }

  async #upload(
    connection: Connection,
    sealed: Sealed,
    { top, receipt, signal }: ClassifyOptions,
  ): Promise<string> {
    const { body, name, type, open } = sealed;
    const form = new FormData();
    form.append("image", new Blob([body], { type }), name);
    // Of an upload to the attested key, both stand in its protected header.
    const isOwnKeys = this.#shared !== undefined || open === undefined;
    const query = isOwnKeys && top !== undefined ? `?top=${top}` : "";
    const nonce = toBase64url(crypto.getRandomValues(new Uint8Array(nonceBytes)));
    const headers = {
      Accept:
        open === undefined ? "application/json" : "application/jose, application/problem+json",
      ...(isOwnKeys && receipt === true ? { "Accept-Receipt": nonce } : {}),
    };
    const { type: got, text } = await this.#send(
      connection,
      `/evaluate${query}`,
      { method: "POST", body: form, headers },
      signal,
    );
    const wanted = open === undefined ? "application/json" : "application/jose";
    if (got === wanted) return text;
    throw new VerificationError(
      "ANSWER_REJECTED",
      `the answer: expected ${wanted}${open === undefined ? "" : ", encrypted as the picture was"}; got another type`,
    );
  }

  async #get(
    connection: Connection,
    path: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const headers = { Accept: "application/json" };
    return (await this.#send(connection, path, { method: "GET", headers }, signal)).text;
  }

  /** @throws ServerError for any status but 200 */
  async #send(
    connection: Connection,
    path: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
  ): Promise<{ type: string; text: string }> {
    const { timeoutMs = defaultTimeoutMs } = this.#options;
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await connection.fetch(`${this.#url}${path}`, {
      ...init,
      redirect: "error",
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const text = new TextDecoder().decode(await readBounded(response, maxAnswerBytes));
    if (response.status !== 200) throw toServerError(response, text);
    const [type = ""] = (response.headers.get("Content-Type") ?? "").split(";");
    return { type: type.trim().toLowerCase(), text };
  }

  async #connected(): Promise<Connection> {
    const { fetch: ownFetch = fetch, connect } = this.#options;
    if (this.#connection !== undefined) return this.#connection;
    // Browsers refuse a `fetch` that is called as a method of anything but the window.
    const unbound: Connection = { fetch: (url, init) => ownFetch(url, init) };
    const connection = connect === undefined ? Promise.resolve(unbound) : connect();
    this.#connection = connection;
    connection.catch(() => {
      if (this.#connection === connection) this.#connection = undefined;
    });
    return connection;
  }

  #retrying<T>(
    signal: AbortSignal | undefined,
    onProgress: ClassifyOptions["onProgress"],
    operation: () => Promise<T>,
  ): Promise<T> {
    const { maxAttempts = 5, maxWaitMs = defaultMaxWaitMs } = this.#options;
    const onWait = (): void => onProgress?.("waiting");
    return withRetries(operation, { maxAttempts, maxWaitMs, signal, onWait });
  }
}

/** A connection and what the server proved over it: nothing is sent over another one with this proof. */
interface Session {
  connection: Connection;
  proof: ServerProof | undefined;
}

function noPolicy(): never {
  throw new TypeError("there is no policy to verify the server against");
}

/** @throws the signal's reason; what the promise is rejected with */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener("abort", stop);
    });
  });
}

function hasOtherKeys(error: unknown): boolean {
  return (
    (error instanceof ServerError && error.code === "ATTESTATION_OUTDATED") ||
    (error instanceof VerificationError && error.code === "TLS_KEY_MISMATCH")
  );
}

/** An old answer under the same key cannot be passed off as the answer to this upload. */
async function requireSameRequest({ request }: Classification, body: Uint8Array): Promise<void> {
  if (request === toHex(await sha256(body))) return;
  throw new VerificationError(
    "ANSWER_REJECTED",
    "the answer: expected the digest of this upload; it is an answer to another one",
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VerificationError("ATTESTATION_MALFORMED", "the attestation: expected JSON", {
      cause,
    });
  }
}
