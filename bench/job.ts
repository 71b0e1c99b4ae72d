import type { z } from "zod";

/** What a child was told to do: one argument, JSON. */
export function readJob<Job>(schema: z.ZodType<Job>): Job {
  return schema.parse(JSON.parse(process.argv[2] ?? ""));
}

/** Tells the parent what came out; nothing else stands on a child's standard output. */
export function answer(result: object): void {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
