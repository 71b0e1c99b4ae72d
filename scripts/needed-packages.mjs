/**
 * Lists the npm packages that the server loads: node scripts/needed-packages.mjs FOLDER
 *
 * FOLDER holds `dist` (the compiled `src`) and `node_modules`. The imports are followed with @vercel/nft from the two
 * entry points, the server and the inference thread. `make appdir` copies these packages, and no others of
 * `node_modules`, into the TEE's file system. Paths are relative to FOLDER and sorted.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { nodeFileTrace } from "@vercel/nft";

const entryPoints = ["dist/main.js", "dist/inference/inference-worker.js"];
const folder = realpathSync(process.argv[2] ?? ".");
const { fileList } = await nodeFileTrace(
  entryPoints.map((path) => join(folder, path)),
  // Node 20.19 and later take the target of "module-sync" in a package's exports, earlier ones another.
  { base: folder, processCwd: folder, moduleSyncCatchall: true },
);
/** A package inside a package's own node_modules is copied with that package. */
const outermostPackage = /^node_modules\/(?:@[^/]+\/)?[^/]+/u;
const packages = new Set([...fileList].map((path) => outermostPackage.exec(path)?.[0]));
packages.delete(undefined);
process.stdout.write(
  [...packages]
    .sort()
    .map((path) => `${path}\n`)
    .join(""),
);
