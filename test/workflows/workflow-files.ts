import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { projectFolder } from "../helpers/server-process.js";

const permissions = z.record(z.string(), z.string());
const step = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  with: z.record(z.string(), z.unknown()).optional(),
});
const job = z.looseObject({
  if: z.string().optional(),
  uses: z.string().optional(),
  environment: z.string().optional(),
  permissions: permissions.optional(),
  strategy: z.looseObject({ matrix: z.record(z.string(), z.array(z.string())) }).optional(),
  steps: z.array(step).optional(),
});
const workflow = z.looseObject({ permissions, jobs: z.record(z.string(), job) });

export type Job = z.infer<typeof job>;
export interface WorkflowFile extends z.infer<typeof workflow> {
  /** From the project's folder. */
  path: string;
  text: string;
}

export function readWorkflows(): WorkflowFile[] {
  const folder = ".github/workflows";
  return readdirSync(join(projectFolder, folder)).map((name) => {
    const path = join(folder, name);
    const text = readFileSync(join(projectFolder, path), "utf8");
    return { ...workflow.parse(parse(text)), path, text };
  });
}

/** Every string in a part of a workflow, with the keys that lead to it. */
export function strings(value: unknown, at: string[] = []): { at: string; text: string }[] {
  if (typeof value === "string") return [{ at: at.join("."), text: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => strings(inner, [...at, key]));
}
