import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  readCertificateFields,
  type CertificateFields,
} from "../../src/crypto/certificate-fields.js";
import { forms, isDnsName } from "../../src/crypto/certificate-names.js";
import { allowsNames } from "../../src/crypto/name-constraints.js";
import { assertAgreement } from "../certificate-agreement.js";
import { projectFiles } from "../project.js";
import { attempt, isPlainError } from "../refusal.js";
import type { Target } from "../target.js";

/** Certificates: where Node reads one as well, both read the same fields. */
export const certificate: Target = {
  name: "certificate",
  parsers: [
    "src/crypto/certificate-fields.ts",
    "src/crypto/certificate-extensions.ts",
    "src/crypto/certificate-key.ts",
    "src/crypto/certificate-names.ts",
    "src/crypto/certificate-time.ts",
    "src/crypto/name-constraints.ts",
    "src/crypto/der.ts",
    "src/crypto/der-values.ts",
  ],
  mutation: "der",
  maxBytes: 4096,
  dictionary: [
    "\x06\x03\x55\x1d\x0f",
    "\x06\x03\x55\x1d\x1e",
    "\x06\x03\x55\x1d\x25",
    "\x01\x01\xff",
    "\x82\x03a.b",
  ],
  prepare: () =>
    Promise.resolve({ seeds: projectFiles("test/fixtures/certificates", /\.der$/u), check }),
};

async function check(input: Uint8Array): Promise<string> {
  const ours = await attempt(() => readCertificateFields(input), isPlainError);
  if ("refusal" in ours) return ours.refusal.message;
  const fields = ours.value;
  checkNames(fields);
  const theirs = readWithNode(input);
  if (theirs === undefined) return "Node refuses it";
  // OpenSSL clears the unused bits of a bit string.
  if (!theirs.raw.equals(input)) return "Node reads other bytes";
  assertAgreement(input, theirs);
  const { version, signatureHash, isCa, pathLength, keyUsage, extendedKeyUsage } = fields;
  return JSON.stringify({ version, signatureHash, isCa, pathLength, keyUsage, extendedKeyUsage });
}

/** Name constraints that permit a certificate's names allow it; constraints that exclude them do not. */
function checkNames({ subjectAltNames, nameConstraints }: CertificateFields): void {
  const isAllowed = allowsNames(nameConstraints, subjectAltNames);
  if (nameConstraints === undefined) assert(isAllowed);
  const names = subjectAltNames.filter(({ form, text }) => form === forms.dns && isDnsName(text));
  assert(allowsNames({ permitted: names, excluded: [] }, names), "names within themselves");
  if (names.length > 0) {
    assert(!allowsNames({ permitted: [], excluded: names }, names), "excluded names");
    const everything = { form: forms.dns, text: "" };
    assert(!allowsNames({ permitted: names, excluded: [everything] }, names), "no name at all");
  }
}

function readWithNode(input: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(input);
  } catch {
    return undefined;
  }
}
