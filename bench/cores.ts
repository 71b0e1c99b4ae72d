import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { pictureName, modelNamed, type Bench } from "./bench.js";
import { runJob } from "./child.js";
import { closedLoopResult } from "./load-result.js";

const counts = [1, 2];
const clients = 32;

/** Measures the throughput of a server that may use 1 CPU, and 2. */
export async function measureCores(bench: Bench): Promise<void> {
  const { options, pictures, results, progress } = bench;
  const cpus = await usableCpus();
  if (cpus === undefined) {
    results.notes.push("scaling with cores: not measured, there is no taskset here");
    return;
  }
  if (cpus.length <= Math.max(...counts)) {
    results.notes.push(
      "scaling with cores: the load generator shares the server's CPUs, because there are no others",
    );
  }
  const model = modelNamed(bench, "fp32");
  for (let round = 1; round <= options.repeats; round += 1) {
    for (const count of counts.filter((needed) => needed <= cpus.length)) {
      const server = await model.start(cpus.slice(0, count).join(","));
      const rest = cpus.slice(count);
      const job = {
        origin: server.origin,
        file: pictures.plain,
        fileName: pictureName,
        clients,
        until: { seconds: options.seconds },
        warmUpSeconds: options.warmUpSeconds,
      };
      const { throughput, failures } = await runJob(
        "closed-loop.js",
        job,
        closedLoopResult,
        rest.length > 0 ? rest.join(",") : undefined,
      );
      results.scaling.push({ round, cpus: count, throughput, failures });
      progress(`cores, ${round}: on ${count}: ${throughput.toFixed(1)}/s`);
      await server.stop();
    }
  }
}

/** @returns the numbers of the CPUs that this process may use; undefined without taskset or /proc */
async function usableCpus(): Promise<number[] | undefined> {
  try {
    await promisify(execFile)("taskset", ["--version"]);
    const status = await readFile("/proc/self/status", "utf8");
    return readCpuList(/^Cpus_allowed_list:\s+(.*)$/mu.exec(status)?.[1] ?? "");
  } catch {
    return undefined;
  }
}

/** Reads a list of CPUs such as `0-2,5` (cpuset(7), "List format"). */
export function readCpuList(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [first = NaN, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
