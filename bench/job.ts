import type { z } from "zod";

/** Reads this process's job: its first argument, as JSON. */
export function readJob<Job>(schema: z.ZodType<Job>): Job {
  return schema.parse(JSON.parse(process.argv[2] ?? ""));
}

/** Prints the result for the parent process. Nothing else may be printed on standard output. */
export function answer(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
