import { createHash, createPublicKey, generateKeyPairSync } from "node:crypto";
import { makeSelfSignedCertificate } from "./self-signed-certificate.js";
import { toPem } from "./pem.js";

/** A key pair for TLS, with its self-signed certificate. */
export interface TlsIdentity {
  /** PKCS #8, PEM: Node's TLS takes no KeyObject. Whoever has given it to TLS wipes it. */
  privateKeyPem: Buffer;
  certificatePem: string;
  /** SHA-256 of the SubjectPublicKeyInfo. */
  keySha256: Buffer;
}

/** Makes a P-256 key pair and its certificate. */
export function createTlsIdentity(commonName: string): TlsIdentity {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = privateKey.export({ type: "pkcs8", format: "der" });
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const certificate = makeSelfSignedCertificate(privateKey, commonName);
  try {
    return {
      privateKeyPem: toPem("PRIVATE KEY", der),
      certificatePem: toPem("CERTIFICATE", certificate).toString(),
      keySha256: createHash("sha256").update(publicKey).digest(),
    };
  } finally {
    der.fill(0);
  }
}
