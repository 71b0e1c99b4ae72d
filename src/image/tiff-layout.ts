/** How the pixels of a TIFF's first picture are laid out in its file. */
export interface TiffLayout {
  /** Undefined: in strips. */
  tile: { width: number; height: number } | undefined;
  /** `height` or more: one strip. */
  rowsPerStrip: number;
  /** Each sample in a plane of its own. */
  isPlanar: boolean;
}

/** Tags of TIFF 6.0, and what they are where they are absent. */
const tags = {
  rowsPerStrip: 278,
  planarConfiguration: 284,
  tileWidth: 322,
  tileLength: 323,
} as const;
const oneStrip = 0xffff_ffff;
const planar = 2;
/** A directory with more entries is not read: there are fewer tags. */
const mostEntries = 4096;

/** BYTE, SHORT, LONG, LONG8: the types of which these tags may be. */
const readers: Record<number, (view: DataView, at: number, isLittle: boolean) => number> = {
  1: (view, at) => view.getUint8(at),
  3: (view, at, isLittle) => view.getUint16(at, isLittle),
  4: (view, at, isLittle) => view.getUint32(at, isLittle),
  16: (view, at, isLittle) => Number(view.getBigUint64(at, isLittle)),
};

/**
 * Reads the first image file directory (TIFF 6.0, section 2; BigTIFF: version 43).
 *
 * @returns undefined where the directory is not understood
 */
export function readTiffLayout(file: Uint8Array): TiffLayout | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    const values = readDirectory(view);
    const tileWidth = values.get(tags.tileWidth);
    const tileHeight = values.get(tags.tileLength);
    return {
      tile:
        tileWidth === undefined || tileHeight === undefined
          ? undefined
          : { width: tileWidth, height: tileHeight },
      rowsPerStrip: values.get(tags.rowsPerStrip) ?? oneStrip,
      isPlanar: values.get(tags.planarConfiguration) === planar,
    };
  } catch {
    // DataView throws a RangeError for what lies outside of the file.
    return undefined;
  }
}

/** The first value of each tag that holds whole numbers in its entry. */
function readDirectory(view: DataView): Map<number, number> {
  const isLittle = view.getUint16(0) === 0x4949;
  const isBig = view.getUint16(2, isLittle) === 43;
  const offsetOf = (at: number): number =>
    isBig ? Number(view.getBigUint64(at, isLittle)) : view.getUint32(at, isLittle);
  const start = offsetOf(isBig ? 8 : 4);
  const count = isBig
    ? Number(view.getBigUint64(start, isLittle))
    : view.getUint16(start, isLittle);
  if (count > mostEntries) throw new RangeError("too many entries");
  const values = new Map<number, number>();
  for (let index = 0; index < count; index += 1) {
    const entry = isBig ? start + 8 + index * 20 : start + 2 + index * 12;
    const read = readers[view.getUint16(entry + 2, isLittle)];
    const tag = view.getUint16(entry, isLittle);
    // Of a tag that is there twice libtiff takes the first.
    if (read === undefined || values.has(tag)) continue;
    values.set(tag, read(view, entry + (isBig ? 12 : 8), isLittle));
  }
  return values;
}
