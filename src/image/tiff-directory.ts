/** Readers by field type: BYTE, SHORT and LONG of TIFF 6.0, LONG8 of BigTIFF. */
const readers: Record<
  number,
  { bytes: number; read: (view: DataView, at: number, isLittle: boolean) => number }
> = {
  1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 2, read: (view, at, isLittle) => view.getUint16(at, isLittle) },
  4: { bytes: 4, read: (view, at, isLittle) => view.getUint32(at, isLittle) },
  16: { bytes: 8, read: (view, at, isLittle) => Number(view.getBigUint64(at, isLittle)) },
};
/** Most entries of a directory; one with more is malformed here. Fewer tags than that are defined. */
const mostEntries = 4096;
/** Number of values that are read per tag. No tag that callers use has more. */
const mostValues = 16;

/**
 * Reads the first image file directory of a TIFF (TIFF 6.0, section 2), a BigTIFF (version 43) or EXIF data.
 *
 * @returns for each tag of an unsigned integer type its first values, at most `mostValues`; undefined if the directory is
 *   malformed
 */
export function readTiffDirectory(file: Uint8Array): ReadonlyMap<number, number[]> | undefined {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  try {
    return readDirectory(view);
  } catch (error) {
    // DataView throws a RangeError for an offset outside the file.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readDirectory(view: DataView): Map<number, number[]> {
  const isLittle = view.getUint16(0) === 0x4949;
  const isBig = view.getUint16(2, isLittle) === 43;
  const offsetOf = (at: number): number =>
    isBig ? Number(view.getBigUint64(at, isLittle)) : view.getUint32(at, isLittle);
  const start = offsetOf(isBig ? 8 : 4);
  const count = isBig ? offsetOf(start) : view.getUint16(start, isLittle);
  if (count > mostEntries) throw new RangeError("too many entries");
  const values = new Map<number, number[]>();
  for (let index = 0; index < count; index += 1) {
    const entry = isBig ? start + 8 + index * 20 : start + 2 + index * 12;
    const reader = readers[view.getUint16(entry + 2, isLittle)];
    const tag = view.getUint16(entry, isLittle);
    // libtiff uses the first entry of a tag that occurs twice.
    if (reader === undefined || values.has(tag)) continue;
    const length = offsetOf(entry + 4);
    const field = entry + (isBig ? 12 : 8);
    const at = length * reader.bytes <= (isBig ? 8 : 4) ? field : offsetOf(field);
    const first = Array.from({ length: Math.min(length, mostValues) }, (_, place) =>
      reader.read(view, at + place * reader.bytes, isLittle),
    );
    values.set(tag, first);
  }
  return values;
}
