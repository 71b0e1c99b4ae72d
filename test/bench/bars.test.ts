import { describe, expect, test } from "@jest/globals";
import { judge, listBars } from "../../bench/bars.js";
import type { Results } from "../../bench/results.js";
import { sampleResults, sampleRun } from "./sample-results.js";

const missed = (results: Results): string[] =>
  judge(results)
    .filter(({ met }) => met === false)
    .map(({ name }) => name);

/** The sample's results, with every figure of one kind made so many times what it is. */
function with32(server: string, changes: Partial<Results["runs"][number]>): Results {
  const results = sampleResults();
  const runs = results.runs.map((run) =>
    run.server === server && run.clients === 32 && !run.encrypted ? { ...run, ...changes } : run,
  );
  return { ...results, runs };
}

describe("the bars", () => {
  test("are all met by good results", () => {
    const bars = judge(sampleResults());
    expect(bars.filter(({ met }) => met !== true)).toEqual([]);
    expect(bars.length).toBeGreaterThan(20);
  });

  test("are reported as not measured, not as met, without a measurement", () => {
    const results = sampleResults();
    const nothing = { runs: [], bound: [], boots: [], sizes: [], neighbours: [] };
    const bars = judge({ ...results, ...nothing });
    expect(bars.every(({ met }) => met === undefined)).toBe(true);
    expect(listBars(bars)).toContain("not measured");
  });

  test("are missed by a server that is not faster than the plain one", () => {
    expect(missed(with32("fp32", { throughput: 70 }))).toEqual([
      "fp32, 32 clients: × the plain server",
      "fp32, 32 clients: × the original (derived: the original did not run here)",
      "fp32, 32 clients: × what is possible without HTTP",
    ]);
  });

  test("compare with the original through the plain server", () => {
    const bar = judge(sampleResults()).find(({ name }) => name.startsWith("fp32, 1 client"));
    // 44 / 40 of a plain server that was 42 / 8 of the original.
    expect(bar?.figure).toBe("5.78");
  });

  test("are missed by one failed request", () => {
    expect(missed(with32("int8", { failures: 1 }))).toEqual(["failed requests"]);
    const results = sampleResults();
    const neighbours = results.neighbours.map((round) => ({ ...round, failures: 2 }));
    expect(missed({ ...results, neighbours })).toEqual(["failed requests"]);
  });

  test("do not count failed requests to the plain server", () => {
    expect(missed(with32("baseline", { failures: 3 }))).toEqual([]);
  });

  test("are missed by a high 99th percentile, a blocked event loop and slow health checks", () => {
    const { p50Ms } = sampleRun("fp32", 32, 100);
    expect(missed(with32("fp32", { p99Ms: p50Ms * 1.5 }))).toEqual(["fp32, 32 clients: p99 ÷ p50"]);
    const inside = { stagesMs: {}, loopDelayP99Ms: 21 };
    const health = { p50Ms: 1, p99Ms: 26, count: 10, failures: 0 };
    expect(missed(with32("fp32", { inside, health }))).toEqual([
      "fp32, 32 clients: event loop's delay, p99",
      "fp32, 32 clients: health answered, p99",
    ]);
  });

  test("are missed by slow starts, high memory use, and by large pictures or other clients that delay a client", () => {
    const results = sampleResults();
    const boots = results.boots.map((boot) => ({
      ...boot,
      bootMs: [2500],
      peakBytes: boot.modelBytes * 2.4,
      steadyBytes: boot.modelBytes * 4.1,
    }));
    const sizes = results.sizes.map((size) => ({ ...size, serverP50Ms: size.bareP50Ms * 3.1 }));
    const neighbours = [{ round: 1, aloneP99Ms: 100, besideP99Ms: 210, failures: 0 }];
    expect(missed({ ...results, boots, sizes, neighbours })).toEqual([
      "48 MP: × bare decoding",
      "8 small clients' p99 beside 48 MP: × alone",
      "fp32, ONNX: start to ready",
      "fp32, ONNX: peak memory × the model's 244 MB",
      "fp32, ONNX: memory under load × the model's 244 MB",
      "fp32, ORT in place: start to ready",
      "fp32, ORT in place: peak memory × the model's 244 MB",
      "fp32, ORT in place: memory under load × the model's 244 MB",
      "int8, ORT: start to ready",
      "int8, ORT: memory under load",
    ]);
  });
});
