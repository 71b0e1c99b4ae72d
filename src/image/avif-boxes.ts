import { notWhole, unlikePillow } from "./decode-failure.js";
import { boxesIn, Fields, type Box } from "./iso-boxes.js";

/** An AVIF's primary item, reduced to what its pixels depend on. */
export interface AvifItem {
  /** Pixels as `ispe` says: before `irot` and `imir` are applied. */
  width: number;
  height: number;
  /** Whole boxes that change pixels, in file order: `colr` of kind `nclx`, `irot`, `imir`. */
  properties: readonly Buffer[];
  /** The item's data: AV1 OBUs. */
  data: Buffer;
}

interface Extent {
  offset: number;
  length: number;
}

/** Most extents of a primary item. Encoders write one. */
const mostExtents = 64;
/** Properties that do not change the pixels here, essential or not. avif-still.ts writes a new `av1C`. */
const withoutEffect = ["av1C", "pixi", "pasp", "clli", "mdcv", "cclv", "amve", "colr"];
/**
 * Properties for which a file is refused: layers and operating points (AVIF specification, 2.3.2), and the clean aperture
 * (ISO/IEC 14496-12, 12.1.4), which crops.
 */
const refusedProperties = ["clap", "a1op", "a1lx", "lsel"];

/** Whether a file begins with the box `ftyp` (ISO/IEC 14496-12, 4.3), by which alone libvips recognises HEIF. */
export function isBoxFile(file: Uint8Array): boolean {
  return Buffer.from("ftyp", "latin1").equals(file.subarray(4, 8));
}

/**
 * Reads an AVIF's primary item only: thumbnails, alpha and the tracks of a sequence are ignored. After `meta`, only the
 * bytes of the item's extents are read, so any bytes may follow the last box. Time is linear in the length of the file.
 *
 * @throws ImageError IMAGE_UNSUPPORTED for a malformed file, another codec, a grid or overlay, or a property that is
 *   refused
 */
export function readAvifItem(file: Uint8Array): AvifItem {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const meta = findMeta(bytes);
  const id = readPrimaryId(meta("pitm"));
  const type = readItemType(meta("iinf"), id);
  if (type !== "av01") throw unlikePillow(`an AVIF whose primary item is no single AV1 picture`);
  const properties = readProperties(meta("iprp"), id);
  const size = properties.filter((box) => box.type === "ispe");
  const [ispe] = size;
  if (ispe === undefined || size.length > 1) throw notWhole("one ispe of the primary item");
  // ISO/IEC 23008-12, 6.5.3: version and flags, width, height.
  const fields = new Fields(ispe.body);
  fields.skip(4);
  const [width, height] = [fields.uint(4), fields.uint(4)];
  const { method, extents } = readLocation(meta("iloc"), id);
  const source = method === 0 ? bytes : meta("idat").body;
  return { width, height, properties: keptOf(properties), data: readExtents(source, extents) };
}

/** @returns the children of `meta`, by type */
function findMeta(file: Buffer): (type: string) => Box {
  let isAvif = false;
  for (const { type, body } of boxesIn(file)) {
    // ISO/IEC 14496-12, 4.3: the major brand, its version, compatible brands.
    if (type === "ftyp") isAvif = brandsOf(body).includes("avif");
    if (type !== "meta") continue;
    if (!isAvif) throw unlikePillow("a HEIF without the brand avif");
    const children = new Map<string, Box>();
    for (const box of boxesIn(body.subarray(4))) {
      if (children.has(box.type)) throw notWhole(`one ${box.type} in meta`);
      children.set(box.type, box);
    }
    return (name) => {
      const box = children.get(name);
      if (box === undefined) throw notWhole(`${name} in meta`);
      return box;
    };
  }
  throw notWhole("meta");
}

function brandsOf(body: Buffer): string[] {
  const text = body.toString("latin1", 0, Math.min(body.length, 1024));
  return (text.match(/[^]{4}/gu) ?? []).filter((_brand, index) => index !== 1);
}

/** ISO/IEC 14496-12, 8.11.4. */
function readPrimaryId({ body }: Box): number {
  const fields = new Fields(body);
  const version = fields.version();
  return fields.uint(version === 0 ? 2 : 4);
}

/** ISO/IEC 14496-12, 8.11.6: `infe`, of which versions 2 and 3 have a type. */
function readItemType({ body }: Box, id: number): string | undefined {
  const entries = body.subarray(4 + (body[0] === 0 ? 2 : 4));
  let found: string | undefined;
  for (const { body: entry } of boxesIn(entries)) {
    const fields = new Fields(entry);
    const version = fields.version();
    if (version < 2 || fields.uint(version === 2 ? 2 : 4) !== id) continue;
    if (found !== undefined) throw notWhole("one infe for an item");
    if (fields.uint(2) !== 0) throw unlikePillow("an AVIF whose item is protected");
    found = fields.text(4);
  }
  return found;
}

/** ISO/IEC 23008-12, 9.3: `ipco`, then one or more `ipma` with indices from 1. */
function readProperties({ body }: Box, id: number): Box[] {
  const all: Box[] = [];
  let indices: { index: number; isEssential: boolean }[] | undefined;
  for (const box of boxesIn(body)) {
    if (box.type === "ipco") {
      all.push(...boxesIn(box.body));
    } else if (box.type === "ipma") {
      const found = readAssociations(box, id);
      if (found !== undefined && indices !== undefined) throw notWhole("one entry of ipma");
      indices ??= found;
    }
  }
  return (indices ?? []).flatMap(({ index, isEssential }) => {
    if (index === 0) return [];
    const property = all[index - 1];
    if (property === undefined) throw notWhole("a property for each index");
    if (refusedProperties.includes(property.type)) {
      throw unlikePillow(`an AVIF with the property ${property.type}`);
    }
    const isKnown = ["ispe", "irot", "imir", ...withoutEffect].includes(property.type);
    if (isEssential && !isKnown) throw unlikePillow("an AVIF with an unknown essential property");
    return [property];
  });
}

function readAssociations(
  { body }: Box,
  id: number,
): { index: number; isEssential: boolean }[] | undefined {
  const fields = new Fields(body);
  const version = fields.version();
  // Lowest bit of the flags: indices have 15 bits instead of 7. The bit above the index marks essential properties.
  const indexBytes = ((body[3] ?? 0) & 1) === 0 ? 1 : 2;
  const essential = indexBytes === 1 ? 0x80 : 0x8000;
  for (let left = fields.uint(4); left > 0; left -= 1) {
    const item = fields.uint(version < 1 ? 2 : 4);
    const count = fields.uint(1);
    if (item !== id) {
      fields.skip(count * indexBytes);
      continue;
    }
    return Array.from({ length: count }, () => {
      const value = fields.uint(indexBytes);
      return { index: value % essential, isEssential: value >= essential };
    });
  }
  return undefined;
}

function keptOf(properties: readonly Box[]): Buffer[] {
  const kept: Box[] = properties.filter(
    ({ type, body }) =>
      (type === "colr" && body.toString("latin1", 0, 4) === "nclx") ||
      type === "irot" ||
      type === "imir",
  );
  if (new Set(kept.map(({ type }) => type)).size < kept.length) {
    throw notWhole("each of nclx, irot and imir once");
  }
  return kept.map(({ bytes }) => bytes);
}

/** ISO/IEC 14496-12, 8.11.3: an item's extents in the file (method 0) or in `idat` (1). */
function readLocation({ body }: Box, id: number): { method: number; extents: Extent[] } {
  const fields = new Fields(body);
  const version = fields.version();
  const sizes = fields.uint(2);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexBytes = version === 0 ? 0 : sizes & 15;
  for (let left = fields.uint(version < 2 ? 2 : 4); left > 0; left -= 1) {
    const item = fields.uint(version < 2 ? 2 : 4);
    const method = version === 0 ? 0 : fields.uint(2) & 15;
    const reference = fields.uint(2);
    const base = fields.uint(baseBytes);
    const count = fields.uint(2);
    if (item !== id) {
      fields.skip(count * (indexBytes + offsetBytes + lengthBytes));
      continue;
    }
    if (method > 1 || reference !== 0 || count > mostExtents) {
      throw unlikePillow("an AVIF whose picture lies elsewhere");
    }
    const extents = Array.from({ length: count }, () => {
      fields.skip(indexBytes);
      return { offset: base + fields.uint(offsetBytes), length: fields.uint(lengthBytes) };
    });
    return { method, extents };
  }
  throw notWhole("a location of the primary item");
}

function readExtents(source: Buffer, extents: readonly Extent[]): Buffer {
  const parts = extents.map(({ offset, length }) => {
    if (length === 0 || offset + length > source.length) throw notWhole("extents within the file");
    return source.subarray(offset, offset + length);
  });
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  // Extents may overlap, and so add up to more than the file.
  if (total > source.length) throw notWhole("extents no longer than the file");
  const [first = Buffer.alloc(0)] = parts;
  return parts.length === 1 ? first : Buffer.concat(parts);
}
