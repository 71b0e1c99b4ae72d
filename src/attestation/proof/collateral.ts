import { z } from "zod";
import { ConnectionError } from "../../net/connection-error.js";
import { exchange, exchangeBinary, type Question } from "../../net/exchange.js";
import type { Transport } from "../../net/transport.js";
import type { ClientEvidence } from "./client-evidence.js";
import { readNextUpdate } from "./crl-time.js";
import { platformOf } from "./quoted-platform.js";

/** What Intel publishes to verify quotes; as dcap-qvl's JSON files have it. The server does not verify it: clients do. */
export interface Collateral {
  /** PEM, as all chains: leaf first. */
  pck_crl_issuer_chain: string;
  /** DER in hexadecimal, as pck_crl. */
  root_ca_crl: string;
  pck_crl: string;
  tcb_info_issuer_chain: string;
  /** The text that is signed. */
  tcb_info: string;
  /** In hexadecimal. */
  tcb_info_signature: string;
  qe_identity_issuer_chain: string;
  qe_identity: string;
  qe_identity_signature: string;
}

export interface DatedCollateral {
  collateral: Collateral;
  /** When the first of its parts expires. */
  nextUpdate: Date;
}

export interface CollateralSource {
  transport: Transport;
  /** Intel's Provisioning Certification Service, or a PCCS, which has its API. */
  origin: string;
  /** Ends the requests. */
  signal: AbortSignal;
  /** Time for one request. */
  timeoutMs: number;
}

const intelService = "https://api.trustedservices.intel.com";
/** Intel's service has no path for the root's CRL; the certificates name this address. */
const intelRootCrl = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

const hexadecimal = z.string().regex(/^[0-9a-fA-F]+$/u);
/** zod would put the members that it knows first, and the signature is over their order. */
const tcbAnswer = z.object({ tcbInfo: z.unknown(), signature: hexadecimal });
const identityAnswer = z.object({ enclaveIdentity: z.unknown(), signature: hexadecimal });
const dated = z.object({ nextUpdate: z.iso.datetime() });

/**
 * Fetches the collateral of a quote by Intel's API, version 4 (Intel, "API Documentation: Provisioning Certification
 * Service for ECDSA Attestation").
 *
 * @throws ConnectionError; Error for an answer of another form, or a quote that names no platform
 */
export async function fetchCollateral(
  { type, quote }: ClientEvidence,
  source: CollateralSource,
): Promise<DatedCollateral> {
  const { fmspc, ca } = platformOf(quote);
  const base = `${source.origin.replace(/\/+$/u, "")}/${type}/certification/v4`;
  const isIntel = source.origin === intelService;
  const [pckCrl, rootCrl, tcb, identity] = await Promise.all([
    getBytes(`${base}/pckcrl?ca=${ca}&encoding=der`, source),
    getBytes(isIntel ? intelRootCrl : `${base}/rootcacrl`, source),
    getJson(`${base}/tcb?fmspc=${fmspc}`, tcbAnswer, source),
    getJson(`${base}/qe/identity`, identityAnswer, source),
  ]);
  // A PCCS answers in hexadecimal, Intel in DER.
  const root = isIntel ? rootCrl.body : Buffer.from(rootCrl.body.toString("latin1").trim(), "hex");
  const { tcbInfo } = tcb.body;
  const { enclaveIdentity } = identity.body;
  const collateral: Collateral = {
    pck_crl_issuer_chain: chainOf(pckCrl, "sgx-pck-crl-issuer-chain"),
    root_ca_crl: root.toString("hex"),
    pck_crl: pckCrl.body.toString("hex"),
    tcb_info_issuer_chain: chainOf(tcb, "tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"),
    // Intel signs the compact form of its JSON, in the order of the answer.
    tcb_info: JSON.stringify(tcbInfo),
    tcb_info_signature: tcb.body.signature,
    qe_identity_issuer_chain: chainOf(identity, "sgx-enclave-identity-issuer-chain"),
    qe_identity: JSON.stringify(enclaveIdentity),
    qe_identity_signature: identity.body.signature,
  };
  const times = [
    ...[tcbInfo, enclaveIdentity].map((signed) => Date.parse(dated.parse(signed).nextUpdate)),
    readNextUpdate(root).getTime(),
    readNextUpdate(pckCrl.body).getTime(),
  ];
  return { collateral, nextUpdate: new Date(Math.min(...times)) };
}

interface Got<Body> {
  body: Body;
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

async function getBytes(url: string, source: CollateralSource): Promise<Got<Buffer>> {
  const { status, headers, bytes } = await exchangeBinary(source.transport, get(url), source);
  requireOk(status);
  return { body: bytes, headers };
}

async function getJson<Body>(
  url: string,
  schema: z.ZodType<Body>,
  source: CollateralSource,
): Promise<Got<Body>> {
  const { status, headers, text } = await exchange(source.transport, get(url), source);
  requireOk(status);
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw new ConnectionError("unusable", "an answer of another form");
  return { body: parsed.data, headers };
}

function get(url: string): Question {
  return { method: "GET", url, headers: {} };
}

function requireOk(status: number): void {
  if (status !== 200) throw new ConnectionError("unavailable", `HTTP ${status}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A PEM chain in a header, with percent-encoding. */
function chainOf({ headers }: Got<unknown>, ...names: readonly string[]): string {
  const [value] = names.map((name) => headers[name]).filter((found) => typeof found === "string");
  if (value === undefined) throw new ConnectionError("unusable", "an answer without a chain");
  return decodeURIComponent(value);
}
