import { execFile, spawn, type StdioOptions } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { LibraryHandle } from "koffi";
import { loadKoffi } from "../../src/native/koffi.js";
import { hasPackages } from "../helpers/debian-packages.js";
import { compileLibrary } from "../helpers/native-library.js";
import { projectFolder } from "../helpers/server-process.js";

const lock = "appdir/toolchain.lock";
const run = promisify(execFile);

/** With our settings, which it takes only before its first library. */
export const koffi = await loadKoffi();

/** For `describe`: the shim is built by its pinned compiler alone. */
export const hasToolchain = hasPackages(lock);

/** A C function, called on this thread: arguments and results as koffi maps them. */
export type Native = (...parameters: unknown[]) => unknown;

export interface Shim {
  /** For what else a test makes; removed with the shim. */
  folder: string;
  /** What scripts/shim.sh wrote. */
  output: string;
  library: string;
  /** The shim in this process; its own functions come first in it, the C library's are behind them. */
  ours: LibraryHandle;
  libcs: LibraryHandle;
  readelf: (option: string, name: string) => Promise<string>;
  /** Compiles one of test/fixtures/shim with this machine's compiler. */
  compile: (source: string, macros?: Record<string, number>) => Promise<string>;
  remove: () => Promise<void>;
}

export async function buildShim(): Promise<Shim> {
  const folder = await mkdtemp(join(tmpdir(), "confml-shim-"));
  const [toolchain, output] = [join(folder, "toolchain"), join(folder, "output")];
  const cwd = projectFolder;
  await run(join(cwd, "scripts/debian/fetch.sh"), [lock, toolchain], { cwd });
  await run(join(cwd, "scripts/shim.sh"), [toolchain, output], { cwd });
  const library = join(output, "libconfml-shim.so");
  const libraries = join(toolchain, "usr/lib/x86_64-linux-gnu");
  return {
    folder,
    output,
    library,
    ours: koffi.load(library),
    libcs: koffi.load("libc.so.6"),
    readelf: async (option, name) => {
      const { stdout } = await run(join(libraries, "ld-linux-x86-64.so.2"), [
        ...["--library-path", libraries, join(toolchain, "usr/bin/x86_64-linux-gnu-readelf")],
        ...["--wide", option, join(output, name)],
      ]);
      return stdout;
    },
    compile: async (source, macros = {}) => {
      const path = join(folder, [source, ...Object.keys(macros)].join("-").concat(".so"));
      await compileLibrary(`../shim/${source}`, path, macros);
      return path;
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

export interface Ended {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Runs a module in a Node process of its own, in which these libraries come before the C library. */
export function runNode(
  preloaded: readonly string[],
  script: string,
  stdin: "ignore" | number = "ignore",
): Promise<Ended> {
  const stdio: StdioOptions = [stdin, "pipe", "pipe"];
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: projectFolder,
    env: { LD_PRELOAD: preloaded.join(" ") },
    stdio,
    // Only one that hangs takes so long.
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed.stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    printed.stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({ code, signal, ...printed });
    });
  });
}
