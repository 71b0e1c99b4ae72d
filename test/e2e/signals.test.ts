import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { constants } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { rawClient } from "../helpers/raw-client.js";
import { setScene, type Scene } from "../helpers/scene.js";
import { killServerAt, startServer } from "../helpers/server-process.js";
import { sideBySide } from "../helpers/side-by-side.js";

let scene: Scene;

beforeAll(async () => {
  scene = await setScene();
  await scene.importKeys();
});

afterAll(async () => {
  await scene.close();
});

/** Signals that end a server in order, each with the log message at which it is sent. */
const matrix: [NodeJS.Signals, string][] = [
  ["SIGTERM", "platform"],
  ["SIGUSR1", "platform"],
  ["SIGHUP", "key released"],
  ["SIGXCPU", "key released"],
  ["SIGINT", "downloading the model"],
  ["SIGIO", "downloading the model"],
  ["SIGQUIT", "model loaded"],
  ["SIGSYS", "model loaded"],
  ["SIGALRM", "listening"],
  ["SIGABRT", "listening"],
];
/** The other such signals, which are sent while a server stops. */
const whileStopping: NodeJS.Signals[] = [
  "SIGTERM",
  "SIGUSR2",
  "SIGSTKFLT",
  "SIGVTALRM",
  "SIGPROF",
  "SIGPWR",
];

/** @returns the numbers of the signals in a mask of /proc/PID/status */
function signalsIn(pid: number, name: "SigIgn" | "SigCgt" | "SigBlk"): number[] {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mask = BigInt(`0x${new RegExp(`${name}:\\s*(\\w+)`, "u").exec(status)?.[1] ?? "0"}`);
  return Array.from({ length: 64 }, (_, at) => at + 1).filter(
    (number) => ((mask >> BigInt(number - 1)) & 1n) === 1n,
  );
}

describe("a signal", () => {
  test("ends a server in order at every step: exit code 0, no error output, no key file", async () => {
    await sideBySide(matrix, async ([signal, step]) => {
      const options = await scene.launchApart(signal);
      const pattern = new RegExp(`"msg":"${step}"`, "u");
      const { code, stdout, stderr } = await killServerAt(options, pattern, signal);
      expect([signal, step, code, stderr]).toEqual([signal, step, 0, ""]);
      const last = stdout.trimEnd().split("\n").at(-1);
      // Before its configuration is read, a server has nothing to stop. A boot may log a line or two more.
      if (step === "listening") expect(last).toContain(`"signal":"${signal}","msg":"stopping"`);
      else if (step !== "platform") expect(stdout).toContain(`"signal":"${signal}","msg":"stop`);
      expect([signal, await readdir(options.keysFolder)]).toEqual([signal, []]);
    });
    // Ten servers.
  }, 120_000);

  test("of every kind is handled or ignored, except those that report faults in native code", async () => {
    const server = await startServer(await scene.launchApart("masks"));
    try {
      const numbers = Array.from({ length: 64 }, (_, at) => at + 1);
      const held = [...signalsIn(server.pid, "SigCgt"), ...signalsIn(server.pid, "SigIgn")];
      const { SIGKILL, SIGSTOP, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU } = constants.signals;
      const { SIGCHLD, SIGURG, SIGWINCH, SIGBUS, SIGFPE, SIGILL, SIGTRAP } = constants.signals;
      const harmless = [SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, SIGSTOP];
      // The C library uses 32 and 33; V8 handles SIGSEGV.
      const expected = [SIGKILL, SIGBUS, SIGFPE, SIGILL, SIGTRAP, ...harmless];
      // The C library handles them once a thread first needs it.
      const isOfLibrary = (number: number): boolean => number === 32 || number === 33;
      const open = numbers.filter((number) => !held.includes(number) && !isOfLibrary(number));
      expect(open).toEqual(expected.sort((a, b) => a - b));
      expect(signalsIn(server.pid, "SigBlk")).toEqual([]);
      // Ignored signals do not end the server.
      process.kill(server.pid, "SIGPIPE");
      process.kill(server.pid, 34);
      process.kill(server.pid, 64);
      process.kill(server.pid, "SIGUSR1");
      expect(await server.exited).toBe(0);
      expect(server.output()).not.toMatch(/debugger/iu);
      expect(server.output()).toContain('"signal":"SIGUSR1","msg":"stopping"');
    } finally {
      await server.stop();
    }
  });

  test("has no effect while a server stops; a stop that exceeds its time limit exits with 75", async () => {
    scene.inference["Limits"] = {
      RequestTimeoutMs: 60_000,
      MinBytesPerSecond: 0,
      HeaderTimeoutMs: 60_000,
    };
    const options = await scene.launchApart("slow");
    delete scene.inference["Limits"];
    const server = await startServer(options);
    const head = "POST /evaluate HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n";
    const type = "Content-Type: multipart/form-data; boundary=x\r\nExpect: 100-continue\r\n\r\n";
    const client = await rawClient(server.port, head + type);
    await client.until(/100 Continue/u);
    process.kill(server.pid, "SIGINT");
    await server.printed(/"msg":"stopping"/u);
    // Key files are removed at once, while requests are still running.
    expect(await readdir(options.keysFolder)).toEqual([]);
    for (const signal of whileStopping) {
      process.kill(server.pid, signal);
      await server.printed(new RegExp(`"signal":"${signal}","msg":"stopping already"`, "u"));
    }
    expect(await server.exited).toBe(75);
    expect(server.output()).toMatch(/^confml: error: STOP_TIMEOUT: [^\n]*10000 ms; got [^\n]+$/mu);
    expect(await readdir(options.keysFolder)).toEqual([]);
    await client.closed;
  });
});
