import { expect } from "@jest/globals";

const pieceLength = 6;

/** Fails where a text holds so much as six characters of a secret in a row, plain or in another dress. */
export function expectNoPieces(text: string, secret: string): void {
  const bytes = Buffer.from(secret);
  const dresses = [
    secret,
    Buffer.from(secret).reverse().toString(),
    ...(["base64", "base64url", "hex"] as const).map((form) => bytes.toString(form)),
  ];
  for (const dress of dresses) {
    for (let start = 0; start + pieceLength <= dress.length; start += 1) {
      const piece = dress.slice(start, start + pieceLength);
      if (text.includes(piece)) expect(text).not.toContain(piece);
    }
  }
}
