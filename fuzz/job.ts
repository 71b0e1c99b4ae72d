import { z } from "zod";

/** What a process is to do: one target for some time, or one input. */
export const jobSchema = z.object({
  /** See `findTarget`. */
  target: z.string(),
  corpus: z.string(),
  seed: z.string(),
  seconds: z.number(),
  /** Where each input is written before it is tried: whatever ends the process, this one did. */
  current: z.string(),
  /** A file that is tried alone. */
  input: z.string().optional(),
});
export type Job = z.infer<typeof jobSchema>;

/** What a process prints each second, and at its end. */
export const reportSchema = z.object({
  inputs: z.number(),
  outcomes: z.number(),
  longestMs: z.number(),
  /** Of the input in `current`. */
  problem: z.string().optional(),
  done: z.boolean(),
});
export type Report = z.infer<typeof reportSchema>;
