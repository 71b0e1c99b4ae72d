import { readAllDer } from "../src/crypto/der.js";

/** A DER value; its content is bytes or nested values. */
export interface DerNode {
  tag: number;
  content: Uint8Array | DerNode[];
}

const constructedBit = 0x20;
const octetString = 0x04;

/** @returns undefined for bytes that are not DER at the outermost level */
export function parseDer(bytes: Uint8Array): DerNode[] | undefined {
  try {
    return readAllDer(bytes).map(({ tag, content }) => {
      // The value of a certificate's extension is DER in an octet string (RFC 5280, section 4.1).
      const isNested = (tag & constructedBit) !== 0 || (tag === octetString && content.length > 1);
      return { tag, content: (isNested ? parseDer(content) : undefined) ?? content };
    });
  } catch {
    return undefined;
  }
}

export function writeDer(nodes: readonly DerNode[]): Buffer {
  return Buffer.concat(
    nodes.map(({ tag, content }) =>
      encodeDer(tag, content instanceof Uint8Array ? content : writeDer(content)),
    ),
  );
}

export function encodeDer(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  const head = length < 0x80 ? [tag, length] : [tag, 0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from(head), content]);
}
