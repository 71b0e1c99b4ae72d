/** Encodes an element of DER with a content of less than 65,536 bytes (ITU-T X.690, section 8.1). */
function encodeDer(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : [0x82, Math.floor(length / 256), length % 256];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** Encodes a SEQUENCE. @param parts its encoded elements */
export function derSequence(...parts: readonly Buffer[]): Buffer {
  return encodeDer(0x30, Buffer.concat(parts));
}

/** Encodes an OCTET STRING. */
export function derOctets(content: Buffer): Buffer {
  return encodeDer(0x04, content);
}

/** Encodes an INTEGER. @param value from 0 to 32,767 */
export function derInteger(value: number): Buffer {
  const high = Math.floor(value / 256);
  return encodeDer(0x02, Buffer.from(high > 0 || value >= 0x80 ? [high, value % 256] : [value]));
}

/** Encodes an ENUMERATED. @param value from 0 to 127 */
export function derEnumerated(value: number): Buffer {
  return encodeDer(0x0a, Buffer.from([value]));
}

/** Encodes an OBJECT IDENTIFIER. @param dotted such as `1.2.840.113741.1.13.1` */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  return encodeDer(0x06, Buffer.from([first * 40 + second, ...others.flatMap(base128)]));
}

/** Seven bits for each byte, the highest first; all but the last have bit 8 set. */
function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    digits.unshift((rest % 128) + 128);
  }
  return digits;
}
