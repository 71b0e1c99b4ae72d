import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import {
  configureDecoder,
  decodeImage,
  inspectImage,
  type ImageHeader,
} from "../../src/image/decode.js";
import { defaultLimits } from "../../src/image/limits.js";
import { isPng } from "../../src/image/png-chunks.js";
import { isTurned } from "../../src/image/turn.js";
import { pictureSeeds } from "../picture-seeds.js";
import { attempt, hasCode } from "../refusal.js";
import type { Target } from "../target.js";

const smallPixels = 4096;
const timeoutSeconds = 10;

/** Picture files of all formats: headers are read, and small pictures are decoded to the size that the header states. */
export const imageHeader: Target = {
  name: "image-header",
  parsers: [
    "src/image/decode.ts",
    "src/image/decode-memory.ts",
    "src/image/limits.ts",
    "src/image/tiff-samples.ts",
  ],
  mutation: "bytes",
  maxBytes: 8192,
  prepare() {
    configureDecoder();
    return Promise.resolve({ seeds: pictureSeeds(/\.(?:jpg|png|webp|gif|tif)$/u), check });
  },
};

async function check(input: Uint8Array): Promise<string> {
  const file = isPng(input) ? withRightSums(input) : input;
  const inspected = await attempt(
    () => inspectImage(file, defaultLimits),
    hasCode("IMAGE_UNSUPPORTED", "IMAGE_TOO_LARGE"),
  );
  if ("refusal" in inspected) return inspected.refusal.message;
  const header = inspected.value;
  const { width, height, decodeBytes, format, kind, orientation } = header;
  assert(width * height <= defaultLimits.maxPixels);
  assert(Number.isSafeInteger(decodeBytes) && decodeBytes <= defaultLimits.maxDecodeBytes);
  if (width * height > smallPixels) return `${format} ${kind}`;
  const decoded = await attempt(
    () => decodeImage(file, header, timeoutSeconds),
    hasCode("IMAGE_UNSUPPORTED"),
  );
  if ("refusal" in decoded) return `${format} ${kind} ${decoded.refusal.message}`;
  checkSize(decoded.value, header);
  return `${format} ${kind} ${orientation}`;
}

function checkSize(
  { width, height, channels, data }: Awaited<ReturnType<typeof decodeImage>>,
  header: ImageHeader,
): void {
  const isUpended = isTurned(header.orientation) && header.orientation >= 5;
  const expected = isUpended ? [header.height, header.width] : [header.width, header.height];
  assert.deepEqual([width, height], expected, "another size than the header's");
  assert.equal(data.length, width * height * channels, "another number of samples");
}

/** Corrects the CRC of every chunk, because libspng refuses chunks with a wrong one. */
function withRightSums(input: Uint8Array): Buffer {
  const file = Buffer.from(input);
  for (let at = 8; at + 12 <= file.length;) {
    const dataEnd = at + 8 + file.readUInt32BE(at);
    if (dataEnd + 4 > file.length) break;
    file.writeUInt32BE(crc32(file.subarray(at + 4, dataEnd)), dataEnd);
    at = dataEnd + 4;
  }
  return file;
}
