import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { subjects } from "../scripts/demo-model/classes.js";
import { Random } from "../scripts/random.js";
import { addNoise, drawPicture } from "../scripts/demo-model/render.js";
import { projectFolder } from "../scripts/project.js";

/** A typical photograph of the web: width, height and bytes of the original sample's dog.jpg. */
export const photograph = { width: 700, height: 577, bytes: 79_000 };
const quality = 85;
const noiseSteps = 10;
const largestNoise = 64;

/** The first of seeds that are not used for training or measuring the demo model. */
const firstSeed = 5_000_000;

interface Pixels {
  data: Buffer;
  raw: { width: number; height: number; channels: 3 };
}

/**
 * Makes a progressive JPEG of 700 × 577 pixels and about 79 kB: a drawing with as much noise as makes its file as long as a
 * photograph's, because a drawing alone would be decoded too quickly.
 */
export async function makePhotograph(): Promise<Buffer> {
  const { width, height } = photograph;
  const data = await sharp(join(projectFolder, "models/demo/dog.jpg"))
    .resize(width, height, { fit: "cover" })
    .removeAlpha()
    .raw()
    .toBuffer();
  let [low, high] = [0, largestNoise];
  let picture: Buffer = Buffer.alloc(0);
  for (let step = 0; step < noiseSteps; step += 1) {
    const deviation = (low + high) / 2;
    const grained = {
      data: withGrain(data, deviation),
      raw: { width, height, channels: 3 },
    } as const;
    picture = await encode(grained, true);
    if (picture.length < photograph.bytes) low = deviation;
    else high = deviation;
  }
  return picture;
}

/** Makes a larger picture by tiling the photograph, so that the detail for each pixel stays the same. */
export async function makePicture(photo: Buffer, megapixels: number): Promise<Buffer> {
  const width = Math.round(Math.sqrt((megapixels * 1e6 * 4) / 3));
  const height = Math.round((width * 3) / 4);
  const { data, info } = await sharp(photo).raw().toBuffer({ resolveWithObject: true });
  const row = info.width * 3;
  const tiled = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    const source = data.subarray((y % info.height) * row, ((y % info.height) + 1) * row);
    tiled.fill(source, y * width * 3, (y + 1) * width * 3);
  }
  return encode({ data: tiled, raw: { width, height, channels: 3 } }, false);
}

/** Draws some pictures of each of the demo's classes, as calibration data for `confml model optimize`. */
export async function drawCalibrationPictures(folder: string, perClass: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const subject of subjects) {
    for (let number = 0; number < perClass; number += 1) {
      const file = `${subject.label.replaceAll(" ", "-")}-${number}.jpg`;
      await writeFile(join(folder, file), await drawPicture(subject, firstSeed + number));
    }
  }
}

function encode({ data, raw }: Pixels, progressive: boolean): Promise<Buffer> {
  return sharp(data, { raw }).jpeg({ quality, progressive }).toBuffer();
}

/** @param deviation of the noise, in levels of 255 */
function withGrain(pixels: Buffer, deviation: number): Buffer {
  const grained = Buffer.from(pixels);
  addNoise(new Random("grain"), grained, 3, deviation);
  return grained;
}
