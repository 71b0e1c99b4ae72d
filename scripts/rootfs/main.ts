/** Makes an image of a folder for Mystikos: `node build/scripts/rootfs/main.js FOLDER IMAGE`. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { projectFolder } from "../project.js";
import { makeImage } from "./image.js";

const [folder, image, ...others] = process.argv.slice(2);
if (folder === undefined || image === undefined || others.length > 0) {
  console.error("error: usage: node build/scripts/rootfs/main.js FOLDER IMAGE");
  process.exit(64);
}
await mkdir(dirname(image), { recursive: true });
console.log(await makeImage({ folder, image, projectFolder }));
