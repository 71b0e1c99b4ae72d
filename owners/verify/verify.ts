import { verifyServer, type ServerProof } from "../../client/attestation/verify-server.js";
import { toBase64url } from "../../client/encoding.js";
import { readBounded } from "../../client/read-bounded.js";
import { toServerError } from "../../client/server-error.js";
import { VerificationError } from "../../client/verification-error.js";
import { readAttestation } from "../../client/attestation/attestation.js";
import { writeOutput } from "../io/output.js";
import { printLines } from "../io/streams.js";
import { only, parseOptions, required } from "../options.js";
import { reportFailure } from "../report.js";
import { CommandError } from "../usage.js";
import { connectTo, Unreachable, unreachable, type Connection } from "./connect.js";
import { describeChecks, describeProof, inRed } from "./describe-proof.js";
import type { SavedAttestation } from "./saved-attestation.js";
import { readClientPolicy, readCollateralSource, readRoots } from "./trust.js";

const nonceBytes = 32;
const maxAttestationBytes = 1_048_576;
const timeoutMs = 30_000;

/** Of sysexits.h: there was no answer to verify. */
const exitUnavailable = 69;

/** `confml verify` */
export async function verifyCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, {
    policy: { type: "string" },
    collateral: { type: "string", default: "server" },
    "allow-emulated": { type: "string" },
    "no-tls": { type: "boolean", default: false },
    save: { type: "string" },
    force: { type: "boolean", short: "f", default: false },
    json: { type: "boolean", default: false },
  });
  const policyFile = required(values.policy, "policy");
  const policy = await readClientPolicy(policyFile);
  const roots = await readRoots(values["allow-emulated"]);
  const source = await readCollateralSource(values.collateral);
  const print = values.json ? printJson : printText;
  try {
    const connection = await connectTo(only(positionals, "URL"), values["no-tls"]);
    try {
      const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
      const answer = await askForAttestation(connection, nonce);
      const now = new Date();
      const collateral =
        source === undefined ? answer["collateral"] : await source(readAttestation(answer));
      const attestation = { ...answer, collateral };
      const { tlsKeySha256, url } = connection;
      const proof = await verifyServer({ attestation, nonce, tlsKeySha256, policy, now, roots });
      if (values.save !== undefined) {
        const saved: SavedAttestation = {
          ...{ format: "confml-attestation-1", url, time: now.toISOString() },
          ...{ nonce: toBase64url(nonce), attestation },
        };
        const content = `${JSON.stringify(saved)}\n`;
        const rules = { inputs: [policyFile], force: values.force };
        await writeOutput({ file: values.save, content, isSecret: false }, rules);
      }
      await print(url, proof);
      return 0;
    } finally {
      connection.close();
    }
  } catch (error) {
    if (error instanceof VerificationError) {
      await print(positionals[0] ?? "", error);
      return 1;
    }
    if (!(error instanceof Unreachable)) throw error;
    reportFailure(error, "verify");
    return exitUnavailable;
  }
}

/** @throws Unreachable; CommandError for an answer that is no attestation */
async function askForAttestation(
  { url, fetch: fetchOnConnection }: Connection,
  nonce: Uint8Array,
): Promise<Record<string, unknown>> {
  try {
    const response = await fetchOnConnection(`${url}/attestation?nonce=${toBase64url(nonce)}`, {
      headers: { Accept: "application/json" },
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = new TextDecoder().decode(await readBounded(response, maxAttestationBytes));
    if (response.status !== 200) {
      const { code, message } = toServerError(response, text);
      throw new Unreachable(`${url} gives no attestation: ${code}: ${message}`, []);
    }
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
    throw new Error("expected a JSON object");
  } catch (cause) {
    if (cause instanceof CommandError || cause instanceof VerificationError) throw cause;
    throw unreachable(url, cause);
  }
}

function isRecord(json: unknown): json is Record<string, unknown> {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

type Outcome = ServerProof | VerificationError;

async function printText(url: string, outcome: Outcome): Promise<void> {
  if (outcome instanceof VerificationError) {
    const { code, message, checks } = outcome;
    await printLines([
      ...describeChecks(checks),
      inRed(`refused: ${code}: ${message}`),
      "Send nothing to this server.",
    ]);
    return;
  }
  await printLines([
    ...describeChecks(outcome.checks),
    "",
    ...describeProof(outcome),
    `verified: ${url}`,
  ]);
}

async function printJson(url: string, outcome: Outcome): Promise<void> {
  if (outcome instanceof VerificationError) {
    const { code, message, checks } = outcome;
    await printLines([JSON.stringify({ url, verified: false, code, message, checks })]);
    return;
  }
  const { checks, measurement, emulated, tlsVerified, runtimeData } = outcome;
  const { model, config, version, time } = runtimeData;
  const proved = { measurement, emulated, tlsVerified, model, config, version, time };
  await printLines([JSON.stringify({ url, verified: true, ...proved, checks })]);
}
