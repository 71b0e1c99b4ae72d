/** Makes an image of a folder for Mystikos: `node build/scripts/rootfs/main.js FOLDER IMAGE`. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { makeImage } from "./image.js";

const projectFolder = fileURLToPath(new URL("../../..", import.meta.url));
const [folder, image, ...others] = process.argv.slice(2);
if (folder === undefined || image === undefined || others.length > 0) {
  console.error("error: usage: node build/scripts/rootfs/main.js FOLDER IMAGE");
  process.exit(64);
}
await mkdir(dirname(image), { recursive: true });
console.log(await makeImage({ folder, image, projectFolder }));
