import sharp from "sharp";
import type { Subject } from "./classes.js";
import { Random } from "../random.js";
import { composeScene } from "./scene.js";

const svgPixelsPerInch = 72;
const blurSigmaPixels = { low: 0.5, high: 1.6 };
const noiseDeviationLevels = { low: 2, high: 14 };
const jpegQuality = { low: 70, high: 95 };

/**
 * Adds noise to pixels in place: the same to all channels of a pixel, as a sensor in poor light does.
 *
 * @param deviation the noise's standard deviation, in levels of 255
 */
export function addNoise(
  random: Random,
  pixels: Buffer,
  channels: number,
  deviation: number,
): void {
  for (let pixel = 0; pixel < pixels.length; pixel += channels) {
    // The sum of three uniform numbers has variance 1/4 and is close enough to a normal one.
    const bell = 2 * (random.next() + random.next() + random.next() - 1.5);
    for (let channel = pixel; channel < pixel + channels; channel += 1) {
      const value = (pixels[channel] ?? 0) + bell * deviation;
      pixels[channel] = Math.min(255, Math.max(0, Math.round(value)));
    }
  }
}

/**
 * Draws the picture for a label and a seed. The same arguments give the same bytes with the same version of sharp.
 *
 * @param enlargement renders the same scene with this many times the pixels on each side
 * @returns a JPEG file
 */
export async function drawPicture(
  subject: Subject,
  seed: number,
  enlargement = 1,
): Promise<Buffer> {
  const random = new Random(`${subject.label}:${seed}`);
  const { svg } = composeScene(random, subject);
  const quality = random.integer(jpegQuality.low, jpegQuality.high);
  const blurred = random.chance(0.3);
  const sigma = random.between(blurSigmaPixels.low, blurSigmaPixels.high) * enlargement;
  const noisy = random.chance(0.4);
  const deviation = random.between(noiseDeviationLevels.low, noiseDeviationLevels.high);

  const rendered = sharp(Buffer.from(svg), { density: svgPixelsPerInch * enlargement });
  const image = blurred ? rendered.blur(sigma) : rendered;
  const { data, info } = await image
    .flatten({ background: "white" })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (noisy) addNoise(random, data, info.channels, deviation);
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels } }).jpeg({ quality }).toBuffer();
}
