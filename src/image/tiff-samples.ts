import { readTiffDirectory } from "./tiff-directory.js";

/** TIFF 6.0, appendix A; SampleFormat is in section 19, ExtraSamples in 18. */
const tags = {
  bitsPerSample: 258,
  photometric: 262,
  samplesPerPixel: 277,
  planarConfiguration: 284,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

/** PhotometricInterpretation */
const whiteIsZero = 0;
const blackIsZero = 1;
const rgb = 2;
const palette = 3;
const cmyk = 5;
const yCbCr = 6;

/** SampleFormat: unsigned, signed, IEEE floating point. */
const unsigned = 1;
const numbers = [1, 2, 3];

/** ExtraSamples: alpha by which the colours are multiplied already (1), or are not (2). */
const premultiplied = 1;
const alpha = 2;

/**
 * Whether libvips and Pillow decode a TIFF with these samples to the same pixels. Each combination that is accepted was
 * tested (test/fixtures/images). On some others the two differ, such as 16-bit CMYK, signed 16-bit samples and 16-bit
 * samples in planes; some others only libvips reads.
 *
 * @returns false also for a malformed directory
 */
export function isReadLikePillow(file: Uint8Array): boolean {
  const directory = readTiffDirectory(file);
  if (directory === undefined) return false;
  const valueOf = (tag: number, otherwise: number): number => directory.get(tag)?.[0] ?? otherwise;
  const photometric = valueOf(tags.photometric, -1);
  const samples = valueOf(tags.samplesPerPixel, 1);
  const format = valueOf(tags.sampleFormat, unsigned);
  const bits = valueOf(tags.bitsPerSample, 1);
  const extra = valueOf(tags.extraSamples, 0);
  const isPlanar = valueOf(tags.planarConfiguration, 1) !== 1;
  const isGrey = photometric === blackIsZero || photometric === whiteIsZero;
  if (samples === 1 && bits === 32) {
    return photometric === blackIsZero && numbers.includes(format);
  }
  if (format !== unsigned) return false;
  if (samples === 1 && bits <= 8) {
    return photometric === palette || photometric === blackIsZero || (isGrey && !isPlanar);
  }
  if (bits === 16) {
    if (isPlanar) return false;
    if (samples === 1) return photometric === blackIsZero;
    if (photometric !== rgb) return false;
    return samples === 3 || (samples === 4 && extra !== premultiplied);
  }
  if (bits !== 8) return false;
  if (photometric === cmyk) return samples === 4;
  if (photometric === yCbCr) return samples === 3 && !isPlanar;
  if (isGrey) return samples === 2 && extra === alpha && !isPlanar;
  if (photometric !== rgb) return false;
  return samples === 3 || (samples === 4 && !(isPlanar && extra === premultiplied));
}
