import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { ConfigurationError, describeCause } from "../errors.js";
import { resolveKeyNames, type KeyNames } from "./key-names.js";
import { describeIssue } from "./messages.js";
import { configSchema, type Config } from "./schema.js";

export interface LoadedConfig {
  config: Config;
  keyNames: KeyNames;
}

/**
 * Reads and checks config.json. The result is frozen: nothing changes it after boot.
 *
 * @throws ConfigurationError CONFIG_UNREADABLE or CONFIG_INVALID, naming the key, the value and the
 *   fix.
 */
export async function loadConfig(file: string): Promise<LoadedConfig> {
  const doing = `reading ${file}`;
  const json = await readJson(file);
  if (isTooDeep(json)) throw tooDeep(doing);
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) throw invalid(doing, parsed.error, json);
  return deepFreeze({ config: parsed.data, keyNames: resolveKeyNames(parsed.data, doing) });
}

async function readJson(file: string): Promise<unknown> {
  const fix = "Give the path of a configuration with --config";
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw new ConfigurationError(
      "CONFIG_UNREADABLE",
      { doing: `reading ${file}`, expected: "a readable file", got: describeCause(cause), fix },
      { cause },
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError(
      "CONFIG_INVALID",
      {
        doing: `reading ${file}`,
        expected: "JSON (without comments)",
        got: describeCause(cause),
        fix: "Correct the file at the place named",
      },
      { cause },
    );
  }
}

/** Arrays and objects inside each other: whatever reads or freezes them calls itself for each, and the stack has an end. */
const deepest = 128;

function isTooDeep(json: unknown): boolean {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest) return true;
    level = level.flatMap((value): unknown[] =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}

function tooDeep(doing: string): ConfigurationError {
  return new ConfigurationError("CONFIG_INVALID", {
    doing,
    expected: `arrays and objects at most ${deepest} deep inside each other`,
    got: "deeper ones",
    fix: "Correct the file",
  });
}

function invalid(doing: string, error: z.ZodError, json: unknown): ConfigurationError {
  const [first, ...others] = error.issues;
  if (first === undefined) throw error;
  const { where, expected, got, fix } = describeIssue(first, json, configSchema);
  const more = others.length === 0 ? "" : ` (${others.length} more to correct after it)`;
  return new ConfigurationError("CONFIG_INVALID", {
    doing: `${doing}: ${where}`,
    expected,
    got: `${got}${more}`,
    fix,
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
