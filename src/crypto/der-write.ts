/**
 * Writes a value in DER (ITU-T X.690, section 8.1).
 *
 * @param tag the byte of the tag
 * @param contents the parts of the content, in order
 */
export function writeDer(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.of(tag), writeLength(content.length), content]);
}

/** The definite form, in as few bytes as it takes (X.690, section 10.1). */
function writeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length);
  const digits = length.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.of(0x80 | bytes.length), bytes]);
}
