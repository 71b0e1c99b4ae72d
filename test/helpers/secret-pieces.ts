import { expect } from "@jest/globals";

const pieceLength = 6;

/** Fails if a text contains six consecutive characters of a secret, plain, reversed or encoded. */
export function expectNoPieces(text: string, secret: string): void {
  const bytes = Buffer.from(secret);
  const encodings = [
    secret,
    Buffer.from(secret).reverse().toString(),
    ...(["base64", "base64url", "hex"] as const).map((form) => bytes.toString(form)),
  ];
  for (const encoded of encodings) {
    for (let start = 0; start + pieceLength <= encoded.length; start += 1) {
      const piece = encoded.slice(start, start + pieceLength);
      if (text.includes(piece)) expect(text).not.toContain(piece);
    }
  }
}
