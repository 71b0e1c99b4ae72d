/** Marker codes of ITU-T T.81, table B.1. */
export const markerCode = {
  firstFrame: 0xc0,
  lastFrame: 0xcf,
  firstRestart: 0xd0,
  startOfImage: 0xd8,
  endOfImage: 0xd9,
  startOfScan: 0xda,
} as const;

/**
 * Finds the next marker that a length follows, or the end of the image, as libjpeg-turbo's `next_marker` does
 * (jdmarker.c): bytes that are not 0xff are skipped, then 0xff is repeated any number of times, and 0 after it is data
 * (T.81, B.1.1.2 and B.1.1.5). Its entropy decoders end at the same places.
 *
 * Skipped are markers without a length: T.81 says so of TEM and RST0 to RST7. At the other codes below the frames', and
 * at a second start of the image, libjpeg gives up; while it looks for a restart marker, it reads on behind the former.
 *
 * @param from where to begin; not within a marker
 * @returns where the marker's code is, the byte after the last 0xff; -1 if there is none
 */
export function nextSegment(file: Uint8Array, from: number): number {
  const { length } = file;
  for (let at = from; at < length; at += 1) {
    while (at < length && file[at] !== 0xff) at += 1;
    while (at < length && file[at] === 0xff) at += 1;
    const code = file[at] ?? 0;
    if (code < markerCode.firstFrame) continue;
    if (code < markerCode.firstRestart || code > markerCode.startOfImage) return at;
  }
  return -1;
}

/**
 * Where a segment ends (libjpeg-turbo's `skip_variable`): its length counts its own two bytes, which are read even where
 * it says less.
 *
 * @param at where the marker's code is
 */
export function segmentEnd(file: Uint8Array, at: number): number {
  const length = ((file[at + 1] ?? 0) << 8) | (file[at + 2] ?? 0);
  return at + 1 + Math.max(2, length);
}
