/** What selects a platform's collateral. */
export interface QuotedPlatform {
  /** The family of processors: 6 bytes in hexadecimal, in upper case as Intel's API writes them. */
  fmspc: string;
  /** The CA of its PCK certificate. */
  ca: "platform" | "processor";
}

/** OBJECT IDENTIFIER 1.2.840.113741.1.13.1.4 and the head of an OCTET STRING of 6 bytes (Intel, "SGX PCK Certificate"). */
const fmspcHead = Buffer.from("060a2a864886f84d010d01040406", "hex");
const fmspcBytes = 6;
const processorCa = "Intel SGX PCK Processor CA";

/**
 * Finds the platform in the PCK certificate behind a quote's signature. Nothing is verified: at worst, the collateral of
 * another platform is fetched, which clients refuse.
 *
 * @throws Error for a quote without such a certificate
 */
export function platformOf(quote: Uint8Array): QuotedPlatform {
  const text = Buffer.from(quote).toString("latin1");
  const begin = "-----BEGIN CERTIFICATE-----";
  const start = text.indexOf(begin);
  const end = text.indexOf("-----END CERTIFICATE-----", start);
  const base64 = start < 0 || end < 0 ? "" : text.slice(start + begin.length, end);
  const certificate = Buffer.from(base64, "base64");
  const at = certificate.indexOf(fmspcHead);
  const fmspc = certificate.subarray(at + fmspcHead.length).subarray(0, fmspcBytes);
  if (at < 0 || fmspc.length < fmspcBytes) throw new Error("a quote without a PCK certificate");
  return {
    fmspc: fmspc.toString("hex").toUpperCase(),
    ca: certificate.includes(processorCa) ? "processor" : "platform",
  };
}
