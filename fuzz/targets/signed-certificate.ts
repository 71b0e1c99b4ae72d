import { X509Certificate, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { verifyCertificateChain } from "../../src/crypto/certificate-chain.js";
import { readAllDer } from "../../src/crypto/der.js";
import { assertAgreement } from "../certificate-agreement.js";
import { encodeDer } from "../der-tree.js";
import { projectFile } from "../project.js";
import { attempt, isPlainError } from "../refusal.js";
import type { Target } from "../target.js";

const host = "vault.confml.example";
const now = new Date("2026-06-01");
const algorithm = Buffer.from("300a06082a8648ce3d040302", "hex");
/** The index of subjectPublicKeyInfo in a TBSCertificate that states its version (RFC 5280, section 4.1). */
const keyIndex = 6;

/**
 * Certificates with a valid signature of their CA and any content: as a leaf, and as an intermediate CA above a valid
 * leaf. Node and our reader agree on every certificate of an accepted chain. An input is a TBSCertificate.
 */
export const signedCertificate: Target = {
  name: "signed-certificate",
  parsers: [
    "src/crypto/certificate-chain.ts",
    "src/crypto/certificate-rules.ts",
    "src/crypto/signature-algorithm.ts",
  ],
  mutation: "der",
  maxBytes: 4096,
  dictionary: [
    "0603551d130101ff040530030101ff",
    "300e0603551d0f0101ff040403020284",
    "300c0603551d1d0405300382012a",
    "30130603551d25040c300a06082b06010505070302",
    "30120603551d1e040b3009a007300582036d6c65",
    "30110603551d20040a3008300606042a030405",
    "300b0603551d23040430028000",
    "170d3236303130313030303030305a",
    "180f32303531303130313030303030305a",
  ].map((hex) => Buffer.from(hex, "hex").toString("latin1")),
  prepare() {
    const rootKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const root = certify(withKey("root", rootKeys.publicKey), rootKeys.privateKey);
    const signed = {
      leaf: signedPart("leaf"),
      authority: withKey("intermediate", keys.publicKey),
    };
    const leaf = certify(signed.leaf, keys.privateKey);
    const authority = certify(signed.authority, rootKeys.privateKey);
    const trustedRoots = [new X509Certificate(root)];
    return Promise.resolve({
      seeds: [signed.leaf, signed.authority, signedPart("constrained")],
      async check(input) {
        const asLeaf = [certify(input, keys.privateKey), authority];
        const asAuthority = [leaf, certify(input, rootKeys.privateKey)];
        return `${await judge(asLeaf, trustedRoots)}; ${await judge(asAuthority, trustedRoots)}`;
      },
    });
  },
};

async function judge(
  chain: readonly Buffer[],
  trustedRoots: readonly X509Certificate[],
): Promise<string> {
  const result = await attempt(
    () => verifyCertificateChain(chain, { trustedRoots, host, now }),
    isPlainError,
  );
  if ("refusal" in result) {
    const { message, cause } = result.refusal;
    return `${message} ${String(cause)}`;
  }
  for (const der of chain) assertAgreement(der, new X509Certificate(der));
  return "accepted";
}

function certify(signed: Uint8Array, privateKey: KeyObject): Buffer {
  const signature = Buffer.concat([Buffer.alloc(1), sign("sha256", signed, privateKey)]);
  return encodeDer(0x30, Buffer.concat([signed, algorithm, encodeDer(0x03, signature)]));
}

function signedPart(name: string): Buffer {
  const [whole] = readAllDer(projectFile(`test/fixtures/certificates/${name}.der`));
  const [signed] = readAllDer(whole?.content ?? new Uint8Array());
  return Buffer.from(signed?.whole ?? []);
}

function withKey(name: string, publicKey: KeyObject): Buffer {
  const [signed] = readAllDer(signedPart(name));
  const fields = readAllDer(signed?.content ?? new Uint8Array()).map(({ whole }) => whole);
  const key = publicKey.export({ type: "spki", format: "der" });
  return encodeDer(0x30, Buffer.concat(fields.with(keyIndex, key)));
}
