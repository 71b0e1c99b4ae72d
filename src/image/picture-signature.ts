/**
 * JPEG, PNG, GIF and TIFF in both byte orders; WebP (RFC 9649, section 2.4); AVIF and its relatives (the box `ftyp`,
 * ISO/IEC 14496-12, section 4.3).
 */
const signature = /^(?:\xff\xd8\xff|\x89PNG\r\n|GIF8|II\*\0|MM\0\*|RIFF.{4}WEBP|.{4}ftyp)/su;
const signatureBytes = 12;

/** Whether a file begins as one of the kinds of pictures that the server reads. The rest of the file is not examined. */
export function hasPictureSignature(file: Uint8Array): boolean {
  return signature.test(Buffer.from(file.subarray(0, signatureBytes)).toString("latin1"));
}
