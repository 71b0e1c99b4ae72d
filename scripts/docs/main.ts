/** `make docs`: writes the documents that are generated from the code. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateDocuments } from "./documents.js";

/** The project's folder: this file is built into build/scripts/docs. */
const projectFolder = fileURLToPath(new URL("../../../", import.meta.url));

for (const [file, text] of await generateDocuments(projectFolder)) {
  await writeFile(join(projectFolder, file), text);
  console.log(file);
}
