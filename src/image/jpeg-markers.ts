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
 * Finds the next marker that a length follows, or the end of the image, like libjpeg-turbo's `next_marker`
 * (jdmarker.c): it skips bytes other than 0xff, then any number of 0xff; a 0 after them is data, not a marker (T.81,
 * B.1.1.2 and B.1.1.5). libjpeg-turbo's entropy decoders stop at the same places.
 *
 * Markers without a length are skipped: TEM and RST0 to RST7 (T.81). At other codes below those of frames, and at a
 * second start of the image, libjpeg stops with an error; codes below those of frames it skips only while it searches
 * for a restart marker.
 *
 * @param from offset to begin at; not within a marker
 * @returns offset of the marker's code, the byte after the last 0xff; -1 if there is none
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
 * Finds the end of a segment, like libjpeg-turbo's `skip_variable`. The length counts its own two bytes, which are
 * skipped even if it is less than 2.
 *
 * @param at offset of the marker's code
 * @returns offset of the byte after the segment; may lie beyond the file
 */
export function segmentEnd(file: Uint8Array, at: number): number {
  const length = ((file[at + 1] ?? 0) << 8) | (file[at + 2] ?? 0);
  return at + 1 + Math.max(2, length);
}
