/**
 * Checks a configuration and a manifest as the server does at its boot: node scripts/check-config.mjs DIST CONFIG MANIFEST
 *
 * DIST is compiled by scripts/compile.sh, and finds its packages in the folder that contains it. The rules for enclaves
 * are left to `make package` and to the server, because the same file system also runs in Mystikos without an enclave.
 * Exits with 65 and a line on standard error if a file is not valid.
 */
import { join, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [dist = "", config = "", manifest = ""] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(resolve(dist), file)).href);
const { loadConfig } = await load("config/load.js");
const { loadManifest } = await load("model/manifest.js");

try {
  await loadConfig(config, { enclave: false });
  await loadManifest(manifest);
} catch (error) {
  process.stderr.write(`error: ${error.code ?? "INTERNAL"}: ${error.message}\n`);
  process.exitCode = 65;
}
