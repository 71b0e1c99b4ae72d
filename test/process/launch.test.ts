import { describe, expect, test } from "@jest/globals";
import { open, url } from "node:inspector";
import { nodeOptions } from "../../src/config/enclave.js";
import {
  closeUnaskedDebugger,
  findHolesOfLaunch,
  inspectLaunch,
  refuseHoles,
} from "../../src/process/launch.js";

const launch = {
  nodeOptions: ["--disable-wasm-trap-handler", "--wasm-max-mem-pages=256"],
  earlyVariables: new Map<string, string>(),
  inspectorUrl: undefined,
};

const permitted = { nodeOptions, variables: [] };

describe("the check of how a process was started", () => {
  test("finds nothing if config.json starts it", () => {
    expect(findHolesOfLaunch(launch, permitted)).toEqual([]);
    expect(() => {
      refuseHoles([]);
    }).not.toThrow();
  });

  test.each([
    "--inspect=0.0.0.0:1",
    "--inspect-brk",
    "--import=/evil.mjs",
    "--require",
    "--experimental-loader=/evil.mjs",
    "--env-file=/evil",
    "--tls-keylog=/keys",
    "--heapsnapshot-signal=SIGUSR2",
    "--report-on-signal",
    "--cpu-prof",
    "--trace-events-enabled",
    "--wasm-max-mem-pages=256 --inspect",
    // These do not let anyone observe the process, but differ from the measured configuration.
    "--wasm-max-mem-pages=257",
    "--max-old-space-size=1",
    "--jitless",
  ])("reports Node's option %s without its value", (option) => {
    const started = { ...launch, nodeOptions: [...launch.nodeOptions, option] };
    const holes = findHolesOfLaunch(started, permitted);
    expect(holes).toEqual([`Node's option ${option.split("=")[0] ?? ""}`]);
  });

  test("reports a variable that takes effect before JavaScript runs, and an open debugger", () => {
    const earlyVariables = new Map([
      ["NODE_OPTIONS", "--import=/secret"],
      ["LD_PRELOAD", "/evil.so"],
    ]);
    const inspectorUrl = "ws://127.0.0.1:9229/secret";
    expect(findHolesOfLaunch({ ...launch, earlyVariables, inspectorUrl }, permitted)).toEqual([
      "the variable NODE_OPTIONS",
      "the variable LD_PRELOAD",
      "an open debugger port",
    ]);
  });

  test("allows preloading exactly the libraries that the measured configuration names", () => {
    const shim = new Map([["LD_PRELOAD", "/lib/libconfml-shim.so"]]);
    const two = new Map([["LD_PRELOAD", "/lib/libconfml-shim.so:/evil.so"]]);
    const variables = ["NODE_ENV=production", "LD_PRELOAD=/lib/libconfml-shim.so"];
    const configured = { nodeOptions, variables };
    expect(findHolesOfLaunch({ ...launch, earlyVariables: shim }, configured)).toEqual([]);
    expect(findHolesOfLaunch({ ...launch, earlyVariables: shim }, permitted)).toHaveLength(1);
    expect(findHolesOfLaunch({ ...launch, earlyVariables: two }, configured)).toHaveLength(1);
    const options = new Map([["NODE_OPTIONS", "--inspect"]]);
    expect(
      findHolesOfLaunch(
        { ...launch, earlyVariables: options },
        { nodeOptions, variables: ["NODE_OPTIONS=--inspect"] },
      ),
    ).toHaveLength(1);
  });

  test("refuses the start in one line that names each finding", () => {
    expect(() => {
      refuseHoles(["the variable NODE_OPTIONS", "an open debugger port"]);
    }).toThrow(/got the variable NODE_OPTIONS, an open debugger port\. Take them out/u);
  });

  test("leaves no debugger port open except one that Node's options request", () => {
    open(0, "127.0.0.1");
    const inspectorUrl = url();
    expect(inspectorUrl).toMatch(/^ws:/u);
    const options = new Map([["NODE_OPTIONS", "--no-warnings --inspect=0"]]);
    const asked = { ...launch, inspectorUrl, earlyVariables: options };
    expect(closeUnaskedDebugger(asked)).toBe(false);
    expect(closeUnaskedDebugger({ ...launch, inspectorUrl, nodeOptions: ["--inspect"] })).toBe(
      false,
    );
    expect(url()).toBe(inspectorUrl);
    expect(closeUnaskedDebugger({ ...launch, inspectorUrl })).toBe(true);
    expect(url()).toBeUndefined();
    expect(closeUnaskedDebugger(launch)).toBe(false);
  });

  test("reads this process's options and variables", () => {
    const early = new Map([["NODE_DEBUG", "*"]]);
    expect(inspectLaunch(early)).toEqual({
      nodeOptions: process.execArgv,
      earlyVariables: early,
      inspectorUrl: undefined,
    });
  });
});
