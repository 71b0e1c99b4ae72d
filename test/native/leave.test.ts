import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { compileLibrary, hasCompiler } from "../helpers/native-library.js";
import { compileSources } from "./compiled-sources.js";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-leave-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Runs a script in which a native call hangs; a process that does not end is killed. */
async function runWhileHanging(
  last: string,
): Promise<{ code: number | null; signal: string | null; stdout: string }> {
  const library = join(folder, "libhang.so");
  await compileLibrary("ssr-client.c", library, { HANG: 1 });
  const compiled = await compileSources(folder);
  const script = `
    import { writeSync } from "node:fs";
    import { NativeLibrary } from "${compiled("native/library.js")}";
    import { prepareToLeave } from "${compiled("native/leave.js")}";
    const leave = await prepareToLeave();
    const library = await NativeLibrary.open([${JSON.stringify(library)}]);
    void library.bind("int ssr_client_init()")();
    setImmediate(() => {
      writeSync(1, "last words\\n");
      ${last}
    });
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    // Long enough for any exit that is going to happen.
    setTimeout(() => child.kill("SIGKILL"), 3000).unref();
  });
  return new Promise((resolve) => {
    child.once("close", (code, signal) => {
      resolve({ code, signal, stdout });
    });
  });
}

const whenCompiling = hasCompiler ? describe : describe.skip;

whenCompiling("a process in which a native call hangs", () => {
  test("ends at once, with its exit code and what it wrote synchronously", async () => {
    expect(await runWhileHanging("leave(75);")).toEqual({
      code: 75,
      signal: null,
      stdout: "last words\n",
    });
  });

  test("does not end through process.exit", async () => {
    expect(await runWhileHanging("process.exit(75);")).toMatchObject({ signal: "SIGKILL" });
  });
});
