import { execFile } from "node:child_process";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const folder = fileURLToPath(new URL("../fixtures/native/", import.meta.url));
const compilers = ["cc", "gcc", "clang"];

async function findCompiler(): Promise<string | undefined> {
  for (const compiler of compilers) {
    const found = await promisify(execFile)(compiler, ["--version"]).then(
      () => true,
      () => false,
    );
    if (found) return compiler;
  }
  return undefined;
}

const compiler = await findCompiler();

/** Whether there is a C compiler. Without one, tests with C libraries are skipped, and the reason is printed. */
export const hasCompiler = compiler !== undefined;
if (!hasCompiler) {
  process.stderr.write("skipped: tests with native libraries, because there is no C compiler\n");
}

/** The path of AddressSanitizer's library, for preloading; undefined, with a printed reason, if there is none. */
export async function findSanitizer(): Promise<string | undefined> {
  if (compiler !== undefined) {
    const { stdout } = await promisify(execFile)(compiler, ["-print-file-name=libasan.so"]);
    // A compiler without the library prints the name alone.
    if (isAbsolute(stdout.trim())) return stdout.trim();
  }
  process.stderr.write("skipped: leak checks, because the C compiler has no AddressSanitizer\n");
  return undefined;
}

/** Compiles a source file of test/fixtures/native into a shared library. */
export async function compileLibrary(
  source: string,
  output: string,
  macros: Readonly<Record<string, string | number>> = {},
  flags: readonly string[] = [],
): Promise<void> {
  const definitions = Object.entries(macros).map(([name, value]) => `-D${name}=${value}`);
  await promisify(execFile)(compiler ?? "cc", [
    "-Wall",
    "-Wextra",
    "-Werror",
    "-shared",
    "-fPIC",
    "-g",
    ...flags,
    ...definitions,
    "-o",
    output,
    `${folder}${source}`,
  ]);
}
