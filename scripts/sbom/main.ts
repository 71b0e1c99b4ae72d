/**
 * The bill of materials of what runs in the TEE: `node build/scripts/sbom/main.js OUT`. Its date is
 * SOURCE_DATE_EPOCH, else the commit's.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectFolder } from "../project.js";
import { composeSbom } from "./document.js";

function run(command: string, ...options: string[]): string {
  const maxBuffer = 64 * 1024 * 1024;
  return execFileSync(command, options, { cwd: projectFolder, encoding: "utf8", maxBuffer });
}

const [out] = process.argv.slice(2);
if (out === undefined) {
  console.error("error: usage: node build/scripts/sbom/main.js OUT");
  process.exit(1);
}
// From the lock file alone, so that it does not matter which machine has installed the packages.
const options = ["--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only"];
const npm = run(process.execPath, "node_modules/npm/bin/npm-cli.js", "sbom", ...options);
const seconds = process.env["SOURCE_DATE_EPOCH"] ?? run("git", "log", "-1", "--format=%ct");
const text = composeSbom({
  npm: JSON.parse(npm) as unknown,
  packageLock: JSON.parse(
    readFileSync(join(projectFolder, "package-lock.json"), "utf8"),
  ) as unknown,
  debianLock: readFileSync(join(projectFolder, "appdir/packages.lock"), "utf8"),
  date: new Date(Number(seconds) * 1000),
});
mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, text);
console.log(out);
