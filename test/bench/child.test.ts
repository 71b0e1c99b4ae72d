import { describe, expect, test } from "@jest/globals";
import { pinned } from "../../bench/child.js";
import { readCpuList } from "../../bench/cores.js";

describe("CPUs", () => {
  test("are read from the kernel's list", () => {
    expect(readCpuList("0-2,5")).toEqual([0, 1, 2, 5]);
    expect(readCpuList("3")).toEqual([3]);
  });

  test("are given to taskset, if there are any", () => {
    expect(pinned(["server", "x"], "0,1")).toEqual(["taskset", "-c", "0,1", "server", "x"]);
    expect(pinned(["server", "x"], undefined)).toEqual(["server", "x"]);
  });
});
