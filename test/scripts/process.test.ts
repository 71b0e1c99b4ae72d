import { describe, expect, test } from "@jest/globals";
import { killAll, launch, shellCode, type Command } from "../../scripts/process/launch.js";
import {
  parseObject,
  ProcessFailure,
  runCommand,
  startService,
} from "../../scripts/process/service.js";

const node = (code: string): Command => [process.execPath, "-e", code];
/** A service that runs until it is stopped. */
const server = node(
  'console.log(JSON.stringify({ msg: "listening", port: 7 })); setInterval(() => {}, 9)',
);
const failing = node('console.log("a log"); console.error("out of luck"); process.exit(3)');
const onLine = (line: string): boolean => parseObject(line)["msg"] === "listening";

describe("startService", () => {
  test("settles with the line that reports readiness, and stop ends the process", async () => {
    const service = await startService({ command: server, onLine });
    expect(service.ready).toEqual({ msg: "listening", port: 7 });
    await service.stop();
    expect(() => process.kill(service.pid, 0)).toThrow("ESRCH");
    await expect(service.exited).resolves.toEqual({ code: null, signal: "SIGTERM" });
  });

  test("quotes the output of a service that ends before it is ready", async () => {
    const refusal = startService({ command: failing, onLine });
    await expect(refusal).rejects.toThrow(/ended \(3\)\n {2}a log\n {2}out of luck$/u);
    await expect(refusal).rejects.toMatchObject({ exitCode: 3, isShown: false });
  });

  test("does not quote output that the caller shows", async () => {
    const shown: string[] = [];
    const onErrorLine = (line: string): void => {
      shown.push(line);
    };
    const refusal = startService({ command: failing, onLine, onErrorLine });
    await expect(refusal).rejects.toThrow(/ended \(3\)$/u);
    await expect(refusal).rejects.toMatchObject({ exitCode: 3, isShown: true });
    expect(shown).toEqual(["out of luck"]);
  });

  test("gives the service no variables of this process", async () => {
    const command = node("console.log(JSON.stringify({ msg: 'listening', env: process.env }))");
    const { ready } = await startService({ command, onLine });
    expect(ready["env"]).toEqual({});
  });
});

describe("runCommand", () => {
  test("settles when the command succeeds", async () => {
    await expect(runCommand(node("0"))).resolves.toBeUndefined();
  });

  test("quotes the output of a command that fails, and names a program that cannot be started", async () => {
    await expect(runCommand(failing)).rejects.toThrow(ProcessFailure);
    await expect(runCommand(failing)).rejects.toThrow("out of luck");
    await expect(runCommand(["/no/such/program"])).rejects.toThrow("ENOENT");
  });
});

describe("launch", () => {
  test("tells a shell's exit codes", async () => {
    const child = launch({ command: server, onLine: () => undefined });
    child.kill("SIGKILL");
    expect(shellCode(await child.closed)).toBe(137);
    expect(shellCode(await launch({ command: node("process.exit(5)") }).closed)).toBe(5);
  });

  test("killAll ends every process that was launched", async () => {
    const service = await startService({ command: server, onLine });
    await killAll();
    await expect(service.exited).resolves.toEqual({ code: null, signal: "SIGKILL" });
  });

  test("a launched process ends with the one that launched it", async () => {
    const module = new URL("../../build/scripts/process/launch.js", import.meta.url);
    const program = `
      const { launch } = await import(${JSON.stringify(module)});
      launch({ command: ${JSON.stringify(server)}, onLine: () => process.exit() });`;
    // The inner process shares this pipe, so that it is closed when both have ended.
    const onErrorLine = (): void => undefined;
    const outer = launch({
      command: [process.execPath, "--input-type=module", "-e", program],
      onErrorLine,
    });
    await expect(outer.closed).resolves.toEqual({ code: 0, signal: null });
  });
});
