import { z } from "zod";

/** The job of a fuzzing process: one target for some time, or one input. */
export const jobSchema = z.object({
  /** See `findTarget`. */
  target: z.string(),
  corpus: z.string(),
  seed: z.string(),
  seconds: z.number(),
  /** The file to which each input is written before it is tried. After a crash it has the input that caused it. */
  current: z.string(),
  /** A file with the only input to try. */
  input: z.string().optional(),
});
export type Job = z.infer<typeof jobSchema>;

/** The line that a fuzzing process prints each second and at its end. */
export const reportSchema = z.object({
  inputs: z.number(),
  outcomes: z.number(),
  longestMs: z.number(),
  /** What is wrong with the input in `current`. */
  problem: z.string().optional(),
  done: z.boolean(),
});
export type Report = z.infer<typeof reportSchema>;
