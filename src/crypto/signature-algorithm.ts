/** The hash of a signature algorithm, by its name in OpenSSL. */
export type SignatureHash = "sha256" | "sha384" | "sha512";

/**
 * The accepted AlgorithmIdentifiers, as DER in hexadecimal: those that CAs of the web PKI may write (CA/Browser Forum,
 * Baseline Requirements, section 7.1.3.2). Other encodings of the same algorithms are not accepted, such as RSASSA-PSS with
 * the default hash (SHA-1), RSA without the NULL of RFC 4055, section 5, or ECDSA with parameters (RFC 5758, section 3.2).
 */
const hashes: Readonly<Record<string, SignatureHash>> = {
  // RSASSA-PKCS1-v1_5.
  "300d06092a864886f70d01010b0500": "sha256",
  "300d06092a864886f70d01010c0500": "sha384",
  "300d06092a864886f70d01010d0500": "sha512",
  // ECDSA.
  "300a06082a8648ce3d040302": "sha256",
  "300a06082a8648ce3d040303": "sha384",
  "300a06082a8648ce3d040304": "sha512",
  // RSASSA-PSS: the hash, MGF1 with it, a salt of its length in bytes.
  [rsassaPss("01", "20")]: "sha256",
  [rsassaPss("02", "30")]: "sha384",
  [rsassaPss("03", "40")]: "sha512",
  [rsassaPssWithoutNull("01", "20")]: "sha256",
  [rsassaPssWithoutNull("02", "30")]: "sha384",
  [rsassaPssWithoutNull("03", "40")]: "sha512",
};

/**
 * @param encoded the DER of an AlgorithmIdentifier (RFC 5280, section 4.1.1.2)
 * @returns the algorithm's hash; undefined for an algorithm that is not accepted
 */
export function signatureHashOf(encoded: Uint8Array): SignatureHash | undefined {
  return hashes[Buffer.from(encoded).toString("hex")];
}

function rsassaPss(hash: string, salt: string): string {
  const hashed = `300d06096086480165030402${hash}0500`;
  return `304106092a864886f70d01010a3034a00f${hashed}a11c301a06092a864886f70d010108${hashed}a2030201${salt}`;
}

/** RFC 4055, section 2.1: the parameters of a hash are NULL or absent. */
function rsassaPssWithoutNull(hash: string, salt: string): string {
  const hashed = `300b06096086480165030402${hash}`;
  return `303d06092a864886f70d01010a3030a00d${hashed}a11a301806092a864886f70d010108${hashed}a2030201${salt}`;
}
