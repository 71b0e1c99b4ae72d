import { markerCode, nextSegment, segmentEnd } from "./jpeg-markers.js";

/** Properties of a JPEG, read from its markers, on which the memory and the time of its decoding depend. */
export interface JpegFrame {
  /**
   * The file has, or may have, several scans: it is progressive, or its first scan lacks a component. The decoder then
   * holds all coefficients of the picture until it has read the last scan.
   */
  hasSeveralScans: boolean;
  /** Number of start-of-scan markers, and of segments of all kinds. Counting ends at one more than either limit. */
  scans: number;
  segments: number;
  /** Bytes of the segments before and between the scans, of which libvips keeps APPn and COM. */
  metadataBytes: number;
  /** Coefficients per pixel, in whole MCUs: 3 for 4:4:4, 1.5 for 4:2:0. */
  coefficientsPerPixel: number;
  /** Size of an MCU in pixels. */
  mcuWidth: number;
  mcuHeight: number;
}

type Sampling = Pick<JpegFrame, "coefficientsPerPixel" | "mcuWidth" | "mcuHeight">;

/** Values assumed for a file whose headers cannot be parsed: four components at full size. */
const worst = {
  hasSeveralScans: true,
  coefficientsPerPixel: 4,
  mcuWidth: 32,
  mcuHeight: 32,
};

/** Codes within the range of frame headers (SOF0 to SOF15) that are other markers: DHT, JPG, DAC. */
const noFrames = [0xc4, 0xc8, 0xcc];
/** Bit of a frame's marker code that is set for progressive frames (and for lossless ones, which are not decoded). */
const progressiveBit = 0x02;

/**
 * Reads all marker segments in one pass (ITU-T T.81, B.2), in the way of libjpeg-turbo (`jpeg-markers.ts`).
 *
 * @param most largest numbers of scans and segments; reading ends when one is exceeded
 * @returns the properties; those of the worst case for a file whose headers cannot be parsed
 */
export function readJpegFrame(
  file: Uint8Array,
  most: Pick<JpegFrame, "scans" | "segments">,
): JpegFrame {
  const byteAt = (at: number): number => file[at] ?? 0;
  let frame: { components: number; isProgressive: boolean; sampling: Sampling } | undefined;
  let isUnknown = false;
  let firstScanComponents: number | undefined;
  let scans = 0;
  let metadataBytes = 0;
  let segments = 0;
  // After the start of the image.
  for (let at = nextSegment(file, 2); at >= 0; at = nextSegment(file, at)) {
    const code = byteAt(at);
    if (code === markerCode.endOfImage || scans > most.scans || segments > most.segments) break;
    segments += 1;
    // The code, two bytes of length.
    const body = at + 3;
    const end = segmentEnd(file, at);
    if (code === markerCode.startOfScan) {
      // B.2.3: how many components the scan has.
      if (scans === 0) firstScanComponents = byteAt(body);
      scans += 1;
    } else if (isFrame(code)) {
      // B.2.2: precision (1 byte), height (2), width (2), the number of components (1), 3 bytes for each.
      const components = byteAt(body + 5);
      const sampling = readSampling(components, (index) => byteAt(body + 6 + index * 3 + 1));
      // libjpeg refuses a second frame header.
      if (frame !== undefined || sampling === undefined) isUnknown = true;
      else frame = { components, isProgressive: (code & progressiveBit) !== 0, sampling };
      if (isUnknown) break;
    } else {
      metadataBytes += end - at;
    }
    at = end;
  }
  const counted = { scans, segments, metadataBytes: Math.min(metadataBytes, file.length) };
  if (isUnknown || frame === undefined || firstScanComponents === undefined) {
    return { ...worst, ...counted };
  }
  const hasSeveralScans = frame.isProgressive || firstScanComponents < frame.components;
  return { hasSeveralScans, ...counted, ...frame.sampling };
}

function isFrame(code: number): boolean {
  return code >= markerCode.firstFrame && code <= markerCode.lastFrame && !noFrames.includes(code);
}

/** @param factorsOf a component's sampling factors: horizontal in the high four bits, vertical in the low four */
function readSampling(
  components: number,
  factorsOf: (index: number) => number,
): Sampling | undefined {
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
