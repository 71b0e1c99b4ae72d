import { FairSlots } from "../../bounds/fair-slots.js";
import { makeRoom } from "../../bounds/make-room.js";
import { MemoryBudget } from "../../bounds/memory-budget.js";
import { describeFailure } from "../../errors.js";
import type { Json } from "../../crypto/canonical-json.js";
import type { EcdhKey } from "../../crypto/ecdh-key.js";
import type { EvidenceProvider } from "../evidence.js";
import { AttestationError } from "./attestation-error.js";
import { collectEvidence, type ClientEvidence, type EvidenceType } from "./client-evidence.js";
import type { Collateral } from "./collateral.js";
import { digestOfJson, digestOfText, signReceipt } from "./receipts.js";
import { writeRuntimeData, type ServerFacts } from "./runtime-data.js";

export interface ServerAttestationOptions {
  provider: EvidenceProvider;
  facts: ServerFacts;
  /** @returns undefined where there is none */
  collateralFor: (evidence: ClientEvidence) => Promise<Collateral | undefined>;
  /** How long evidence without a nonce is served again, in milliseconds. */
  cacheMs: number;
  /** Requests with a nonce that may wait for a quote. */
  maxQueue: number;
  /** Called when evidence becomes unavailable, or for another reason than before. */
  onUnavailable: (reason: string) => void;
  /** A monotonic clock in milliseconds, replaced by tests. */
  now?: () => number;
}

/** A request for evidence over a nonce. */
export interface NonceRequest {
  /** As `isNonce` of runtime-data.ts accepts it. */
  nonce: string;
  /** The client's network: clients take turns. */
  client: string;
  /** Ends the waiting. */
  signal: AbortSignal;
}

/** A request and its answer, of which a receipt is to tell. */
export interface ReceiptOptions {
  /** SHA-256 of the uploaded file as it came, in hexadecimal. */
  request: string;
  /** JSON without a receipt, or a text. */
  answer: Json;
  nonce: string | undefined;
}

/** Not the network of a client. */
const ownClient = "(server)";

/**
 * Proves to clients which code runs here, and which keys it has. Quotes are slow, and the hardware makes one at a time: one
 * request at a time gets one, clients take turns, and evidence without a nonce is made once for all who ask.
 */
export class ServerAttestation {
  readonly #options: ServerAttestationOptions;
  readonly #now: () => number;
  readonly #slots = new FairSlots({ maxPlaces: 1, memory: new MemoryBudget(Infinity) });
  #latest: { answer: Buffer; until: number } | undefined;
  #pending: Promise<Buffer> | undefined;
  #last: ClientEvidence | undefined;
  #unavailable: string | undefined;

  constructor(options: ServerAttestationOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** The TEE that the last evidence came from; undefined: there is none, or none yet. */
  get type(): EvidenceType | undefined {
    return this.#unavailable === undefined ? this.#last?.type : undefined;
  }

  /** The key of attested uploads. */
  get encryptionKey(): EcdhKey {
    return this.#options.facts.keys.encryption;
  }

  /** Requests that wait for a quote. */
  get queueLength(): number {
    return this.#slots.waiting;
  }

  /** Makes evidence without a nonce, so that the first client need not wait for it. It never rejects. */
  async prepare(): Promise<void> {
    await this.withoutNonce().catch(() => undefined);
  }

  /**
   * The answer to a client that sends no nonce: JSON, at most `cacheMs` old.
   *
   * @throws AttestationError EVIDENCE_UNAVAILABLE
   */
  async withoutNonce(): Promise<Buffer> {
    if (this.#latest !== undefined && this.#now() < this.#latest.until) return this.#latest.answer;
    this.#pending ??= this.#renew().finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  /**
   * The answer to a client that sends a nonce: JSON.
   *
   * @throws AttestationError EVIDENCE_UNAVAILABLE, ATTESTATION_QUEUE_FULL; the signal's reason
   */
  async withNonce({ nonce, client, signal }: NonceRequest): Promise<Buffer> {
    makeRoom(
      {
        ...{ queues: [this.#slots], maxWaiting: this.#options.maxQueue, client },
        replacesEqual: () => Math.random() < 0.5,
      },
      new AttestationError(
        "ATTESTATION_QUEUE_FULL",
        "too many clients wait for evidence; try again soon, or ask without a nonce",
      ),
    );
    return this.#make(nonce, client, signal);
  }

  /**
   * The measurement of the code that runs here: MRENCLAVE, in hexadecimal.
   *
   * @throws AttestationError EVIDENCE_UNAVAILABLE
   */
  async measurement(): Promise<string> {
    if (this.#last === undefined) await this.withoutNonce();
    if (this.#last === undefined) throw unavailable();
    return this.#last.measurement;
  }

  /**
   * Signs a receipt with the attested signing key: JWS compact, `ES256`.
   *
   * @throws AttestationError EVIDENCE_UNAVAILABLE
   */
  async signReceipt({ request, answer, nonce }: ReceiptOptions): Promise<string> {
    const measurement = await this.measurement();
    const digest = typeof answer === "string" ? digestOfText(answer) : digestOfJson(answer);
    return signReceipt(this.#options.facts, { request, answer: digest, nonce, measurement });
  }

  async #renew(): Promise<Buffer> {
    const answer = await this.#make(undefined, ownClient, new AbortController().signal);
    this.#latest = { answer, until: this.#now() + this.#options.cacheMs };
    return answer;
  }

  async #make(nonce: string | undefined, client: string, signal: AbortSignal): Promise<Buffer> {
    const { runtimeData, evidence } = await this.#slots.within({ client, bytes: 0, signal }, () =>
      this.#collect(nonce),
    );
    const collateral = await this.#options.collateralFor(evidence);
    return Buffer.from(
      JSON.stringify({
        evidence: { type: evidence.type, quote: Buffer.from(evidence.quote).toString("base64url") },
        ...(collateral === undefined ? {} : { collateral }),
        runtime_data: runtimeData.toString("base64url"),
      }),
    );
  }

  async #collect(nonce: string | undefined) {
    const { provider, facts, onUnavailable } = this.#options;
    const runtimeData = writeRuntimeData(facts, nonce, new Date());
    try {
      const evidence = await collectEvidence(provider, runtimeData);
      this.#last = evidence;
      this.#unavailable = undefined;
      return { runtimeData, evidence };
    } catch (error) {
      const reason = describeFailure(error);
      if (reason !== this.#unavailable) onUnavailable(reason);
      this.#unavailable = reason;
      throw unavailable();
    }
  }
}

function unavailable(): AttestationError {
  return new AttestationError(
    "EVIDENCE_UNAVAILABLE",
    "expected a trusted execution environment, which this server has none of or gets no evidence from",
  );
}
