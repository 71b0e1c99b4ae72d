import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { z } from "zod";

const folder = new URL("../fixtures/images/", import.meta.url);

const picture = z.object({ width: z.number(), height: z.number(), rgb: z.base64() });
const schema = z.object({
  pictures: z.record(z.string(), picture),
  resized: z.array(picture.extend({ name: z.string() })),
});

/** The pixels that Pillow decodes from the pictures in test/fixtures/images; make.py there writes them. */
export const expected = schema.parse(
  JSON.parse(readFileSync(new URL("expected.json", folder), "utf8")),
);

export function fixture(name: string): Promise<Buffer> {
  return readFile(new URL(name, folder));
}
