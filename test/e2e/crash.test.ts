import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { setScene, type Scene } from "../helpers/scene.js";
import { projectFolder, runServerToItsEnd, startServer } from "../helpers/server-process.js";
import { sideBySide } from "../helpers/side-by-side.js";

let scene: Scene;
/** The printed line about an uncaught error whose place in the code is unknown. */
const bug = (kind: string): string =>
  `confml: error: INTERNAL: an error of confml's own: ${kind}. Please report it.\n`;
/** The start of the printed line about an error that was created in the fixture. */
const bugAt = (kind: string): string =>
  `confml: error: INTERNAL: an error of confml's own: ${kind} at `;

beforeAll(async () => {
  scene = await setScene();
  await scene.importKeys();
});

afterAll(async () => {
  await scene.close();
});

/** Configures the next server with an evidence provider that fails. */
function useFault(options: { Fault: string; OnSignal: boolean }): void {
  const attestation = scene.inference["Attestation"] as Record<string, object>;
  const { QuotingKey, Code } = attestation["EvidenceOptions"] as Record<string, string>;
  scene.inference["Attestation"] = {
    ...attestation,
    Evidence: join(projectFolder, "test/fixtures/platform/faulty-evidence.mjs"),
    EvidenceOptions: { QuotingKey, Code, ...options },
  };
}

const faults: [string, number, string][] = [
  ["throw inside HTTP", 70, bugAt("TypeError")],
  ["throw what cannot be described", 70, bug("a thrown object")],
  ["reject", 70, bugAt("Error ERR_BROKEN")],
  ["exit", 3, ""],
];

describe("a server with an uncaught error", () => {
  test("exits with 70 while it serves, after one line of output, and leaves no key file", async () => {
    await sideBySide(faults, async ([fault, code, stderr]) => {
      useFault({ Fault: fault, OnSignal: true });
      const options = await scene.launchApart(fault);
      // With Node's default a rejection becomes an uncaught exception.
      options.environment["NODE_OPTIONS"] = "--unhandled-rejections=warn";
      const server = await startServer(options);
      expect(await readdir(options.keysFolder)).toHaveLength(3);
      process.kill(server.pid, "SIGWINCH");
      expect([fault, await server.exited]).toEqual([fault, code]);
      expect(server.output()).toContain(stderr);
      expect(server.output()).not.toMatch(/c2VjcmV0|hunter2/u);
      expect(server.output().includes('"msg":"uncaught"')).toBe(code === 70);
      expect([fault, await readdir(options.keysFolder)]).toEqual([fault, []]);
    });
  });

  test("exits with 70 during boot and never listens", async () => {
    useFault({ Fault: "throw", OnSignal: false });
    const options = await scene.launchApart("boot");
    const { code, stdout, stderr } = await runServerToItsEnd(options);
    expect([code, stderr]).toEqual([70, bug("a thrown undefined")]);
    expect(stdout).not.toContain('"msg":"listening"');
    expect(await readdir(options.keysFolder)).toEqual([]);
  });

  test("exits with 70 if its output is closed, full or a broken pipe", async () => {
    useFault({ Fault: "throw", OnSignal: false });
    const wrappers = [
      // A pipe without a reader: EPIPE.
      ["sh", "-c", 'exec 3>&1; { "$@" 2>&1; echo $? >&3; } | :', "sh"],
      ["sh", "-c", '"$@" >/dev/full 2>/dev/full; echo $?', "sh"],
      ["sh", "-c", '"$@" >&- 2>&-; echo $?', "sh"],
    ];
    await sideBySide(wrappers, async (wrapper) => {
      const options = await scene.launchApart(`wrapper ${wrappers.indexOf(wrapper)}`);
      const { stdout } = await runServerToItsEnd({ ...options, wrapper });
      expect([wrapper[2], stdout]).toEqual([wrapper[2], "70\n"]);
      expect(await readdir(options.keysFolder)).toEqual([]);
    });
  });
});
