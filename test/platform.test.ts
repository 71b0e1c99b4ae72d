import { describe, expect, test } from "@jest/globals";
import { inspectPlatform, type PlatformProbes } from "../src/platform.js";

const linux: PlatformProbes = {
  target: undefined,
  nodeOptions: [],
  kernel: () => "#1 SMP Debian",
  processors: () => 2,
  listedProcessors: () => 2,
  residentBytes: () => 100_000_000,
};
const mystikos: PlatformProbes = {
  ...linux,
  target: "sgx",
  nodeOptions: ["--disable-wasm-trap-handler"],
  kernel: () => "Mystikos 1.0.0",
  listedProcessors: () => 0,
  residentBytes: () => 0,
};
const throws = (): never => {
  throw new Error("ENOSYS");
};

describe("the platform", () => {
  test("is Mystikos, with or without an enclave, where kernel and target say so", () => {
    expect(inspectPlatform(mystikos)).toEqual({
      name: "mystikos-sgx",
      kernel: "Mystikos 1.0.0",
      processors: 2,
      unreported: ["processor list", "resident memory", "processor time"],
      warnings: [],
    });
    expect(inspectPlatform({ ...mystikos, target: "linux" }).name).toBe("mystikos-linux");
  });

  test.each([undefined, "", "tdx", "constructor"])(
    "is none of ours in a Mystikos whose target is %p",
    (target) => {
      expect(inspectPlatform({ ...mystikos, target }).name).toBe("none");
    },
  );

  test("is none on plain Linux, whatever the host calls it", () => {
    expect(inspectPlatform(linux)).toMatchObject({ name: "none", unreported: [], warnings: [] });
    for (const target of ["sgx", "linux"]) {
      const { name, warnings } = inspectPlatform({ ...linux, target });
      expect(name).toBe("none");
      expect(warnings).toEqual([expect.stringContaining(`"${target}"`)]);
    }
  });

  test("is told even where every question is refused", () => {
    const refused = {
      kernel: throws,
      processors: throws,
      listedProcessors: throws,
      residentBytes: throws,
    };
    expect(inspectPlatform({ ...mystikos, ...refused })).toMatchObject({
      name: "none",
      kernel: "unknown",
      processors: 1,
      unreported: ["processor list", "resident memory"],
    });
  });

  test("warns of a Node that WebAssembly would end", () => {
    const { warnings } = inspectPlatform({ ...mystikos, nodeOptions: [] });
    expect(warnings).toEqual([expect.stringContaining("--disable-wasm-trap-handler")]);
  });
});
