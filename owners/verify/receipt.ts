import { claimNames } from "../../client/policy/server-claims.js";
import type { ClientPolicy } from "../../client/policy/client-policy.js";
import type { Node } from "../../client/policy/conditions.js";
import { readClassification } from "../../client/classification.js";
import { verifyReceipt } from "../../client/messages/receipt.js";
import { VerificationError } from "../../client/verification-error.js";
import { maxTextBytes, maxUploadBytes, nameOf, readInput } from "../io/input.js";
import { printLines } from "../io/streams.js";
import { only, parseOptions, required } from "../options.js";
import { CommandError } from "../usage.js";
import { describeChecks, describeProof, inRed } from "./describe-proof.js";
import { readSavedAttestation, verifySaved } from "./saved-attestation.js";
import { readClientPolicy, readRoots } from "./trust.js";

/** Base64url makes a file a third longer. */
const maxRequestBytes = 2 * maxUploadBytes;

/** `confml receipt verify` */
export async function verifyReceiptCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, {
    attestation: { type: "string" },
    request: { type: "string" },
    answer: { type: "string" },
    policy: { type: "string" },
    "allow-emulated": { type: "string" },
  });
  const receipt = await readReceipt(only(positionals, "RECEIPT"));
  const saved = await readSavedAttestation(required(values.attestation, "attestation"));
  const request = await readInput(
    required(values.request, "request"),
    "--request",
    maxRequestBytes,
  );
  const answer = await readInput(required(values.answer, "answer"), "--answer", maxTextBytes);
  const roots = await readRoots(values["allow-emulated"]);
  const policy = values.policy === undefined ? anyCode : await readClientPolicy(values.policy);
  try {
    const proof = await verifySaved(saved, policy, roots);
    const { checks, claims } = await verifyReceipt(receipt, { proof, request, answer });
    await printLines([
      ...describeChecks(checks),
      "",
      ...describeProof(proof),
      `time         ${new Date(claims.iat * 1000).toISOString()}, by the clock of the server's host, which nothing proves`,
      ...(values.policy === undefined
        ? ["The code was compared with no policy: is it the one that you trust? (--policy FILE)"]
        : []),
      "verified: this code gave this answer to this file",
    ]);
    return 0;
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    const { code, message, checks } = error;
    await printLines([...describeChecks(checks), inRed(`refused: ${code}: ${message}`)]);
    return 1;
  }
}

/** A receipt's file: the JWS alone, or the JSON answer that holds it. */
async function readReceipt(file: string): Promise<string> {
  const text = (await readInput(file, "RECEIPT", maxTextBytes)).toString("utf8").trim();
  if (!text.startsWith("{")) return text;
  const { receipt } = readClassification(text);
  if (receipt !== undefined) return receipt;
  throw new CommandError(`${nameOf(file)} is an answer without a receipt`, [
    "ask for one with the header Accept-Receipt, before the picture is sent",
  ]);
}

/** Any code that cannot be debugged, on any platform that is not revoked: which it was is printed, for the reader to judge. */
const exists = (claim: string): Node => ({
  kind: "condition",
  claim,
  operator: "exists",
  value: true,
});
const anyCode: ClientPolicy = {
  branches: [
    {
      kind: "allOf",
      parts: [claimNames.tcbStatus, claimNames.tcbAdvisories].map(exists),
    },
  ],
};
