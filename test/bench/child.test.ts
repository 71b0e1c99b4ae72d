import { describe, expect, test } from "@jest/globals";
import { pinned, runCommand, startChild, stopChildren, type Command } from "../../bench/child.js";
import { readCpuList } from "../../bench/cores.js";

const node = (code: string): Command => [process.execPath, "-e", code];
/** It would go on for ever. */
const server = node(
  'console.log(JSON.stringify({ msg: "listening", port: 7 })); setInterval(() => {}, 9)',
);
const isReady = (entry: Record<string, unknown>): boolean => entry["msg"] === "listening";

describe("a child", () => {
  test("is ready with the line that says so, and ends when it is told to", async () => {
    const child = await startChild({ command: server, isReady });
    expect(child.ready).toEqual({ msg: "listening", port: 7 });
    await child.stop();
    expect(() => process.kill(child.pid, 0)).toThrow("ESRCH");
  });

  test("does not outlive the benchmark", async () => {
    const child = await startChild({ command: server, isReady });
    await stopChildren();
    await expect(child.exited).resolves.toBeNull();
  });

  test("that ends too early is quoted", async () => {
    const command = node('console.error("out of luck"); process.exit(3)');
    await expect(startChild({ command, isReady })).rejects.toThrow(/ended \(3\)\n {2}out of luck/u);
    await expect(runCommand(command)).rejects.toThrow("out of luck");
    await expect(runCommand(["/no/such/program"])).rejects.toThrow("ENOENT");
  });
});

describe("CPUs", () => {
  test("are read from the kernel's list", () => {
    expect(readCpuList("0-2,5")).toEqual([0, 1, 2, 5]);
    expect(readCpuList("3")).toEqual([3]);
  });

  test("are chosen where they are named", () => {
    expect(pinned(["server", "x"], "0,1")).toEqual(["taskset", "-c", "0,1", "server", "x"]);
    expect(pinned(["server", "x"], undefined)).toEqual(["server", "x"]);
  });
});
