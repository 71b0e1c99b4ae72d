import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { verifyCertificateChain } from "../../src/crypto/certificate-chain.js";
import { readAllDer } from "../../src/crypto/der.js";
import { projectFile } from "../project.js";
import { attempt, isPlainError } from "../refusal.js";
import type { Target } from "../target.js";

const folder = "test/fixtures/certificates";
/** The chain of `confml.example`, and others by the same CA. */
const chains = [
  ["leaf.der", "intermediate.der"],
  ["leaf.der", "intermediate.der", "root.der"],
  ["constrained-leaf.der", "constrained.der"],
  ["pss-leaf.der"],
  ["root.der"],
];
const host = "vault.confml.example";
const now = new Date("2026-06-01");

/** Certificate chains as concatenated DER: no chain with an altered signed part is accepted. */
export const certificateChain: Target = {
  name: "certificate-chain",
  parsers: [
    "src/crypto/certificate-chain.ts",
    "src/crypto/certificate-fields.ts",
    "src/crypto/name-constraints.ts",
  ],
  mutation: "der",
  maxBytes: 16_384,
  prepare() {
    const trustedRoots = [new X509Certificate(projectFile(`${folder}/root.der`))];
    const certified = new Set(
      chains.flat().map((name) => signedPart(projectFile(`${folder}/${name}`))),
    );
    const seeds = chains.map((names) =>
      Buffer.concat(names.map((name) => projectFile(`${folder}/${name}`))),
    );
    return Promise.resolve({ seeds, check: (input) => check(input, trustedRoots, certified) });
  },
};

async function check(
  input: Uint8Array,
  trustedRoots: readonly X509Certificate[],
  certified: ReadonlySet<string>,
): Promise<string> {
  const chain = split(input);
  const result = await attempt(
    () => verifyCertificateChain(chain, { trustedRoots, host, now }),
    isPlainError,
  );
  if ("refusal" in result) return result.refusal.message;
  for (const entry of chain)
    assert(certified.has(signedPart(entry)), "a certificate that nobody signed");
  assert.equal(result.value.type, "public");
  return `accepted ${chain.length}`;
}

/** Splits concatenated DER values; bytes that are not DER count as one certificate. */
function split(input: Uint8Array): Uint8Array[] {
  try {
    return readAllDer(input).map(({ whole }) => whole);
  } catch {
    return [input];
  }
}

/** The part of a certificate that is signed, TBSCertificate (RFC 5280, section 4.1). */
function signedPart(certificate: Uint8Array): string {
  const [whole] = readAllDer(certificate);
  const [signed] = readAllDer(whole?.content ?? new Uint8Array());
  return Buffer.from(signed?.whole ?? []).toString("base64");
}
