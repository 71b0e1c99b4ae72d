import { readFileSync } from "node:fs";
import { z } from "zod";

/** Reads a file of test/vectors whose values are all hexadecimal. */
export function hexVectors(name: string): Record<string, Buffer>[] {
  const json: unknown = JSON.parse(
    readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8"),
  );
  const { cases } = z.object({ cases: z.array(z.record(z.string(), z.hex())) }).parse(json);
  return cases.map((one) =>
    Object.fromEntries(Object.entries(one).map(([key, hex]) => [key, Buffer.from(hex, "hex")])),
  );
}

/** Returns a value of a vector. @throws Error if it is missing */
export function bytes(vector: Record<string, Buffer>, name: string): Buffer {
  const value = vector[name];
  if (value === undefined) throw new Error(`the vector has no ${name}`);
  return value;
}
