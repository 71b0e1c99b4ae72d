/** What a JPEG's headers say about the memory that its decoding takes. */
export interface JpegFrame {
  /**
   * The file has several scans, or may have: the decoder holds all coefficients of the picture until the last
   * scan is read. So it is for progressive files, and for sequential ones whose first scan lacks a component.
   */
  hasSeveralScans: boolean;
  /** Coefficients for each pixel, in whole MCUs: 3 for 4:4:4, 1.5 for 4:2:0. */
  coefficientsPerPixel: number;
  /** Pixels of an MCU. */
  mcuWidth: number;
  mcuHeight: number;
}

/** What a file is taken for whose headers are not understood: four components at full size. */
const worst: JpegFrame = {
  hasSeveralScans: true,
  coefficientsPerPixel: 4,
  mcuWidth: 32,
  mcuHeight: 32,
};

/** Marker codes of ITU-T T.81, table B.1. */
const marker = {
  firstRestart: 0xd0,
  lastRestart: 0xd7,
  startOfScan: 0xda,
  firstFrame: 0xc0,
  lastFrame: 0xcf,
} as const;
/** Between the frame headers, and none: DHT, JPG, DAC. */
const noFrames = [0xc4, 0xc8, 0xcc];
/** Bit of a frame's marker code that is set for progressive ones (and for lossless, which are not decoded). */
const progressiveBit = 0x02;

/** Reads the marker segments up to the first scan (ITU-T T.81, B.2). */
export function readJpegFrame(file: Uint8Array): JpegFrame {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const byteAt = (at: number): number => file[at] ?? 0;
  let frame:
    | { components: number; isProgressive: boolean; sizes: Omit<JpegFrame, "hasSeveralScans"> }
    | undefined;
  for (let at = 2; at + 4 <= file.length;) {
    if (byteAt(at) !== 0xff) return worst;
    const code = byteAt(at + 1);
    // Any number of 0xff may stand before a marker's code (B.1.1.2).
    if (code === 0xff) {
      at += 1;
      continue;
    }
    const body = at + 4;
    if (code >= marker.firstFrame && code <= marker.lastFrame && !noFrames.includes(code)) {
      // B.2.2: precision (1 byte), height (2), width (2), the number of components (1), 3 bytes for each.
      const components = byteAt(body + 5);
      const sizes = readSampling(components, (index) => byteAt(body + 6 + index * 3 + 1));
      if (sizes === undefined) return worst;
      frame = { components, isProgressive: (code & progressiveBit) !== 0, sizes };
    }
    if (code === marker.startOfScan) {
      if (frame === undefined) return worst;
      // B.2.3: how many components the scan has.
      const hasSeveralScans = frame.isProgressive || byteAt(body) < frame.components;
      return { hasSeveralScans, ...frame.sizes };
    }
    at += 2 + view.getUint16(at + 2);
  }
  return worst;
}

/** @param factorsOf a component's sampling factors: across in the high four bits, down in the low four */
function readSampling(
  components: number,
  factorsOf: (index: number) => number,
): Omit<JpegFrame, "hasSeveralScans"> | undefined {
  const factors = Array.from({ length: components }, (_, index) => factorsOf(index));
  const across = factors.map((factor) => factor >> 4);
  const down = factors.map((factor) => factor & 15);
  if (components === 0 || Math.min(...across, ...down) === 0) return undefined;
  const largest = Math.max(...across) * Math.max(...down);
  const blocks = across.reduce((sum, factor, index) => sum + factor * (down[index] ?? 0), 0);
  return {
    coefficientsPerPixel: blocks / largest,
    mcuWidth: 8 * Math.max(...across),
    mcuHeight: 8 * Math.max(...down),
  };
}

/**
 * Counts a JPEG's scans. Of a file with several ones, all are read before its first row is there, which takes 45 ms for
 * each at 49 megapixels, even where it has next to no bytes; no time limit stops it.
 *
 * @returns the number of start-of-scan markers, or a little more than `most`
 */
export function countScans(file: Uint8Array, most: number): number {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let scans = 0;
  for (let at = 2; scans <= most;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 4 > bytes.length) break;
    const code = bytes[at + 1] ?? 0;
    if (code === marker.startOfScan) scans += 1;
    // In a scan 0xff is followed by 0 or by a restart marker (B.1.1.5), before a marker by another 0xff.
    if (code === 0xff) at += 1;
    else if (code === 0 || (code >= marker.firstRestart && code <= marker.lastRestart)) at += 2;
    else at += 2 + bytes.readUInt16BE(at + 2);
  }
  return scans;
}
