import { join } from "node:path";
import type { z } from "zod";
import type { Command } from "../scripts/process/launch.js";
import { parseObject, startService } from "../scripts/process/service.js";
import { projectFolder } from "../scripts/project.js";

/**
 * Runs one of this folder's programs (job.ts) in a process of its own.
 *
 * @param script its file below build/bench
 * @param cpus the CPUs that it may use, as `pinned` takes them
 * @returns its answer
 */
export async function runJob<Result>(
  script: string,
  job: object,
  result: z.ZodType<Result>,
  cpus?: string,
): Promise<Result> {
  const program = join(projectFolder, "build/bench", script);
  const child = await startService({
    command: pinned([process.execPath, program, JSON.stringify(job)], cpus),
    onLine: (line) => !("msg" in parseObject(line)),
  });
  await child.exited;
  return result.parse(child.ready);
}

/** The same command, restricted to some of the machine's CPUs (`0`, `0,1`). */
export function pinned(command: Command, cpus: string | undefined): Command {
  return cpus === undefined ? command : ["taskset", "-c", cpus, ...command];
}
