import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { z } from "zod";
import { ConfigurationError, describeCause, describeJsonError } from "../errors.js";
import { checkForEnclave } from "./enclave.js";
import { findAmbiguousKey } from "./json-keys.js";
import { resolveKeyNames } from "./key-names.js";
import type { KeyNames } from "./key-rules.js";
import { describeIssue, dotted, type IssueText } from "../zod-issues.js";
import { configSchema, type Config } from "./schema.js";

export interface LoadedConfig {
  config: Config;
  keyNames: KeyNames;
  /** SHA-256 of the file's bytes, 64 lower-case hex digits. */
  sha256: string;
}

export interface LoadOptions {
  /** Whether the rules for enclaves apply as well (enclave.ts). */
  enclave: boolean;
}

/**
 * Reads and checks config.json. The result is deeply frozen.
 *
 * @throws ConfigurationError CONFIG_UNREADABLE, or CONFIG_INVALID that names the key, the value and the fix
 */
export async function loadConfig(file: string, { enclave }: LoadOptions): Promise<LoadedConfig> {
  const { json, loaded } = await readConfig(file);
  if (enclave) requireNone(`reading ${file}`, checkForEnclave(json).problems);
  return loaded;
}

/**
 * The same without the rules for enclaves.
 *
 * @returns the checked configuration, and the file's JSON before defaults were added
 * @throws ConfigurationError CONFIG_UNREADABLE or CONFIG_INVALID
 */
export async function readConfig(file: string): Promise<{ json: unknown; loaded: LoadedConfig }> {
  const doing = `reading ${file}`;
  const { json, sha256 } = await readJson(file);
  if (isTooDeep(json)) throw tooDeep(doing);
  const parsed = configSchema.safeParse(json);
  if (!parsed.success) throw invalid(doing, parsed.error, json);
  const loaded = { config: parsed.data, keyNames: resolveKeyNames(parsed.data, doing), sha256 };
  return { json, loaded: deepFreeze(loaded) };
}

async function readJson(file: string): Promise<{ json: unknown; sha256: string }> {
  const doing = `reading ${file}`;
  const fix = "Give the path of a configuration with --config";
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new ConfigurationError(
      "CONFIG_UNREADABLE",
      { doing, expected: "a readable file", got: describeCause(cause), fix },
      { cause },
    );
  }
  const text = bytes.toString("utf8");
  const json = parseJson(text, doing);
  requireNone(doing, ambiguities(text));
  return { json, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function parseJson(text: string, doing: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError(
      "CONFIG_INVALID",
      {
        doing,
        expected: "JSON (without comments)",
        got: describeJsonError(cause),
        fix: "Correct the file at the place named",
      },
      { cause },
    );
  }
}

/** Keys that Mystikos' parser may interpret differently. */
function ambiguities(text: string): IssueText[] {
  const found = findAmbiguousKey(text);
  if (found === undefined) return [];
  const where = dotted(found.path);
  return found.kind === "repeated"
    ? [
        {
          where,
          expected: "each key once, whatever its case",
          got: "it twice",
          fix: "Take one out",
        },
      ]
    : [{ where, expected: "keys without \\", got: "an escape", fix: "Write its characters out" }];
}

/** Largest nesting of arrays and objects: readers recurse once for each level, and the call stack is limited. */
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
  return firstOf(
    doing,
    error.issues.map((issue) => describeIssue(issue, json, configSchema)),
  );
}

/** @throws ConfigurationError CONFIG_INVALID if there is a problem */
function requireNone(doing: string, problems: readonly IssueText[]): void {
  if (problems.length > 0) throw firstOf(doing, problems);
}

/** @returns an error that describes the first problem, and counts the others */
function firstOf(doing: string, [first, ...others]: readonly IssueText[]): ConfigurationError {
  if (first === undefined) throw new Error("nothing is wrong");
  const { where, expected, got, fix } = first;
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
