import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./server-process.js";

/** Whether all packages of a lock file are in the cache of scripts/debian/fetch.sh, so that it downloads nothing. */
export function hasPackages(lock: string): boolean {
  const lines = readFileSync(join(projectFolder, lock), "utf8").split("\n");
  const missing = lines
    .filter((line) => /^[^#]/u.test(line))
    .map((line) => join(projectFolder, "build/debian", `${line.split(" ")[2] ?? ""}.deb`))
    .filter((file) => !existsSync(file));
  if (missing.length === 0) return true;
  process.stderr.write(`skipped: what needs the packages of ${lock}, which make test fetches\n`);
  return false;
}
