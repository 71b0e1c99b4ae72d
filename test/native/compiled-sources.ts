import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { transform } from "@swc/core";

const project = new URL("../../", import.meta.url);

/**
 * Compiles src/ as it is now into a folder, for processes of their own that import from it: what they
 * test is not an older build.
 *
 * @returns the URL of a module, by its path in src
 */
export async function compileSources(folder: string): Promise<(module: string) => string> {
  const sources = fileURLToPath(new URL("src/", project));
  const names = await readdir(sources, { recursive: true });
  await Promise.all(
    names
      .filter((name) => name.endsWith(".ts"))
      .map(async (name) => {
        const { code } = await transform(await readFile(join(sources, name), "utf8"), {
          jsc: { parser: { syntax: "typescript" }, target: "es2022" },
          module: { type: "es6" },
        });
        const output = join(folder, "compiled", name.replace(/\.ts$/u, ".js"));
        await mkdir(dirname(output), { recursive: true });
        await writeFile(output, code);
      }),
  );
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await symlink(fileURLToPath(new URL("node_modules", project)), join(folder, "node_modules"));
  return (module) => pathToFileURL(join(folder, "compiled", module)).href;
}
