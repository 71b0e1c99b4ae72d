import { parseArgs, type ParseArgsConfig } from "node:util";
import { describeCause } from "../src/errors.js";
import { UsageError } from "./usage.js";
import { isHttpsOrigin } from "../src/config/service-names.js";

type OptionsConfig = NonNullable<ParseArgsConfig["options"]>;

/**
 * Parses options as `parseArgs` does, but refuses options that are given twice or with an empty value: `parseArgs` would
 * silently use the last, or the empty one.
 *
 * @throws UsageError
 */
export function parseOptions<const Options extends OptionsConfig>(
  argv: string[],
  options: Options,
) {
  try {
    refuseMistakes(argv, options);
    return parseArgs({ args: argv, allowPositionals: true, options });
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    // Removes Node's error code, and its advice about arguments that begin with a hyphen.
    const message = describeCause(cause).replace(/^ERR_\w+: |(?<=['"]). To specify .*$/gu, "");
    throw new UsageError(message, { cause });
  }
}

function refuseMistakes(argv: string[], options: OptionsConfig): void {
  const { tokens } = parseArgs({
    args: argv,
    allowPositionals: true,
    strict: false,
    tokens: true,
    options,
  });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, value } = token;
    if (value === "") throw new UsageError(`--${name} needs a value`);
    if (seen.has(name) && options[name]?.multiple !== true) {
      throw new UsageError(`--${name} is given twice`);
    }
    seen.add(name);
  }
}

/** @returns the only argument @throws UsageError unless there is exactly one */
export function only(words: readonly string[], what: string): string {
  const [word, ...others] = words;
  if (word === undefined || others.length > 0) throw new UsageError(`give one ${what}`);
  return word;
}

/** @returns the value of a required option @throws UsageError if it was not given */
export function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new UsageError(`--${name} is missing`);
  return value;
}

/**
 * Reads the address of a service.
 *
 * @returns its origin, without a slash at the end
 *
 * @throws UsageError
 */
export function httpsOrigin(text: string, name: string): string {
  if (isHttpsOrigin(text)) return new URL(text).origin;
  throw new UsageError(`--${name} wants an address such as https://name.example, without a path`);
}
