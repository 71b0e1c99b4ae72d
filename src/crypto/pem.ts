const alphabet = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const lineCharacters = 64;

/**
 * Encodes DER as PEM (RFC 7468, section 3). It makes no strings: those could not be wiped.
 *
 * @param label such as `PRIVATE KEY`
 */
export function toPem(label: string, der: Uint8Array): Buffer {
  const characters = Math.ceil(der.length / 3) * 4;
  const lines = Math.ceil(characters / lineCharacters);
  const head = Buffer.from(`-----BEGIN ${label}-----\n`);
  const foot = Buffer.from(`-----END ${label}-----\n`);
  const pem = Buffer.alloc(head.length + characters + lines + foot.length, "\n");
  head.copy(pem);
  let at = head.length;
  for (let start = 0; start < der.length; start += 3) {
    const [first = 0, second, third] = der.subarray(start, start + 3);
    const bits = (first << 16) | ((second ?? 0) << 8) | (third ?? 0);
    pem[at] = alphabet[bits >> 18] ?? 0;
    pem[at + 1] = alphabet[(bits >> 12) & 0x3f] ?? 0;
    pem[at + 2] = second === undefined ? 0x3d : (alphabet[(bits >> 6) & 0x3f] ?? 0);
    pem[at + 3] = third === undefined ? 0x3d : (alphabet[bits & 0x3f] ?? 0);
    at += 4;
    if ((at - head.length + 1) % (lineCharacters + 1) === 0) at += 1;
  }
  foot.copy(pem, pem.length - foot.length);
  return pem;
}
