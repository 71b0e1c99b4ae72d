import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { projectFolder } from "../scripts/project.js";

/** A picture for which the right answer is known. */
export interface GoodPicture {
  name: string;
  file: Buffer;
  /** The demo model's first label; undefined where the picture is altered so much that it is not known beforehand. */
  label: string | undefined;
  /** Pictures of one group have the same pixels in different formats, and so the same answer. */
  group: string | undefined;
}

const subjects = [
  ["dog", "dog"],
  ["strawberries", "strawberry"],
  ["automotive", "sports car"],
] as const;

/** The model depends on colours: for grey pictures no label is expected. */
const isGrey = (name: string): boolean => name.startsWith("grey");

/** Makes the demo's pictures in all formats, and in several sizes and kinds. */
export async function makeGoodPictures(): Promise<GoodPicture[]> {
  const pictures: GoodPicture[] = [];
  for (const [subject, label] of subjects) {
    const original = await readFile(join(projectFolder, "models/demo", `${subject}.jpg`));
    const add = async (name: string, image: Sharp | Buffer, group?: string): Promise<void> => {
      const file = Buffer.isBuffer(image) ? image : await image.toBuffer();
      pictures.push({
        name: `${subject}-${name}`,
        file,
        label: isGrey(name) ? undefined : label,
        group,
      });
    };
    // Encoded from decoded pixels, so that all lossless files have the same ones.
    const { data, info } = await sharp(original).removeAlpha().raw().toBuffer({
      resolveWithObject: true,
    });
    const { width, height } = info;
    const pixels = (): Sharp => sharp(data, { raw: { width, height, channels: 3 } });
    const scaled = (columns: number): Sharp => pixels().resize(columns);
    await add("original.jpg", original);
    await add("lossless.png", pixels().png(), `${subject}-lossless`);
    await add("interlaced.png", pixels().png({ progressive: true }), `${subject}-lossless`);
    await add("lossless.webp", pixels().webp({ lossless: true, effort: 1 }), `${subject}-lossless`);
    await add("lossless.tif", pixels().tiff({ compression: "deflate" }), `${subject}-lossless`);
    await add(
      "tiles.tif",
      pixels().tiff({ compression: "none", tile: true }),
      `${subject}-lossless`,
    );
    await add("lossy.webp", pixels().webp({ quality: 80 }));
    await add("palette.gif", pixels().gif({ effort: 1 }));
    await add("small.avif", scaled(320).avif({ effort: 0 }));
    await add("small.png", scaled(256).png());
    await add("grey.jpg", pixels().greyscale().jpeg());
    await add("turned.jpg", pixels().rotate(90).withMetadata({ orientation: 8 }).jpeg());
    await add("cmyk.jpg", scaled(600).toColourspace("cmyk").jpeg());
    await add("progressive.jpg", scaled(1600).jpeg({ progressive: true }));
    await add("large.jpg", scaled(3000).jpeg({ quality: 80 }));
  }
  return pictures;
}
