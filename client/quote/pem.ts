import { fromBase64 } from "../encoding.js";

const block =
  /-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]{1,8192})-----END CERTIFICATE-----/u;
/** Intel's chains in quotes end with a zero byte or without. */
const chainForm = new RegExp(`^(?:${block.source}(?:\\r?\\n)?){1,4}\\0?$`, "u");

/**
 * Reads a chain of certificates in PEM (RFC 7468) without any other text.
 *
 * @param text at most four certificates
 * @returns DER; undefined for anything else
 */
export function readPemChain(text: string): Uint8Array<ArrayBuffer>[] | undefined {
  if (text.length > 32_768 || !chainForm.test(text)) return undefined;
  const certificates = [...text.matchAll(new RegExp(block.source, "gu"))].map(([, lines = ""]) =>
    fromBase64(lines.replaceAll(/\r?\n/gu, "")),
  );
  const read = certificates.filter((certificate) => certificate !== undefined);
  return read.length === certificates.length ? read : undefined;
}
