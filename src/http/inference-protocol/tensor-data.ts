import { malformed } from "./split-body.js";

const floatBytes = 4;
/** The length before each element of binary BYTES data: unsigned, little-endian. */
const lengthBytes = 4;

/**
 * Copies little-endian FP32 data into one array for each picture.
 *
 * @param size numbers of a picture; `data` has `count × size` of them
 * @throws RequestError UPLOAD_MALFORMED for another length, NaN or infinity
 */
export function readBinaryFloats(data: Buffer, count: number, size: number): Float32Array[] {
  if (data.length !== count * size * floatBytes) {
    throw malformed(`${count * size * floatBytes} bytes of FP32 data; got ${data.length}`);
  }
  return Array.from({ length: count }, (_, picture) => {
    const start = picture * size * floatBytes;
    const floats = new Float32Array(size);
    // All processors for which ONNX Runtime is packaged are little-endian, as the data is.
    new Uint8Array(floats.buffer).set(data.subarray(start, start + size * floatBytes));
    checkFinite(floats);
    return floats;
  });
}

/**
 * Copies JSON numbers into one array for each picture.
 *
 * @param shape `[count, …]`; `data` is flat, or nested as the shape says
 * @throws RequestError UPLOAD_MALFORMED for another number of them, what is no number, or what float32 cannot hold
 */
export function readJsonFloats(data: readonly unknown[], shape: readonly number[]): Float32Array[] {
  const [count = 0, ...picture] = shape;
  const size = product(picture);
  const pictures = Array.from({ length: count }, () => new Float32Array(size));
  let position = 0;
  for (const list of flatten(data, shape)) {
    for (const value of list) {
      if (typeof value !== "number") throw malformed("numbers as FP32 data");
      const floats = pictures[Math.floor(position / size)];
      if (floats !== undefined) floats[position % size] = value;
      position += 1;
    }
  }
  pictures.forEach(checkFinite);
  return pictures;
}

/**
 * The elements of binary BYTES data, each with its length before it: views of `data`.
 *
 * @throws RequestError UPLOAD_MALFORMED for another number of elements, or lengths that do not fit
 */
export function readBinaryElements(data: Buffer, count: number): Buffer[] {
  const elements: Buffer[] = [];
  let offset = 0;
  while (offset < data.length && elements.length < count) {
    const start = offset + lengthBytes;
    const end = start <= data.length ? start + data.readUInt32LE(offset) : Infinity;
    if (end > data.length) throw malformed("each BYTES element with its length before it");
    elements.push(data.subarray(start, end));
    offset = end;
  }
  if (elements.length === count && offset === data.length) return elements;
  throw malformed(`${count} BYTES elements and nothing behind them`);
}

/**
 * The elements of JSON BYTES data: strings.
 *
 * @throws RequestError UPLOAD_MALFORMED
 */
export function readJsonElements(data: readonly unknown[], shape: readonly number[]): string[] {
  return flatten(data, shape).flatMap((list) =>
    list.map((value) => {
      if (typeof value === "string") return value;
      throw malformed("strings as BYTES data");
    }),
  );
}

/**
 * Decodes base64 (RFC 4648, section 4), with padding and without line breaks.
 *
 * @throws RequestError UPLOAD_MALFORMED
 */
export function decodeBase64(text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  throw malformed("base64 (RFC 4648, section 4) in the strings of `data`");
}

/** @returns the innermost lists in order, which together have as many values as the shape says */
function flatten(data: readonly unknown[], shape: readonly number[]): (readonly unknown[])[] {
  let lists: (readonly unknown[])[] = [data];
  const isNested = Array.isArray(data[0]);
  if (!isNested && data.length === product(shape)) return lists;
  for (const [depth, length] of shape.entries()) {
    if (!isNested || lists.some((list) => list.length !== length)) throw wrongShape(shape);
    if (depth === shape.length - 1) break;
    lists = lists.flatMap((list) =>
      list.map((value) => {
        if (Array.isArray(value)) return value as readonly unknown[];
        throw wrongShape(shape);
      }),
    );
  }
  return lists;
}

function wrongShape(shape: readonly number[]): Error {
  return malformed(`\`data\` of the shape [${shape.join(", ")}], flat or nested`);
}

function product(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a * b, 1);
}

function checkFinite(floats: Float32Array): void {
  for (const value of floats) {
    if (!Number.isFinite(value)) throw malformed("finite FP32 numbers");
  }
}
