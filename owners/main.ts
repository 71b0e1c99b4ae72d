#!/usr/bin/env node
import { constants } from "node:os";
import { version } from "../src/version.js";
import type { Command } from "./command.js";
import { decryptCommand } from "./decrypt.js";
import { encryptCommand } from "./encrypt.js";
import { help, overview } from "./help.js";
import { isUnprintable } from "./io/key-like.js";
import { keygenCommand } from "./key/keygen.js";
import { explainCommand, policyCommand, testCommand } from "./policy/commands.js";
import { reportFailure } from "./report.js";
import { ignoreStreamEvents, writeStandardOutput } from "./io/streams.js";
import { BrokenPipe, UsageError } from "./usage.js";

/** Commands that need Azure's packages or ONNX Runtime import them only when they run, because loading takes long. */
const commands: Readonly<Record<string, () => Command | Promise<Command>>> = {
  encrypt: () => encryptCommand,
  decrypt: () => decryptCommand,
  keygen: () => keygenCommand,
  policy: () => policyCommand,
  "policy client": async () => (await import("./policy/client-policy.js")).clientPolicyCommand,
  "policy explain": () => explainCommand,
  "policy test": () => testCommand,
  "key create": async () => (await import("./key/import.js")).createKeyCommand,
  "key import": async () => (await import("./key/import.js")).importKeyCommand,
  "key show": async () => (await import("./key/show.js")).showKeyCommand,
  classify: async () => (await import("./classify/classify.js")).classifyCommand,
  verify: async () => (await import("./verify/verify.js")).verifyCommand,
  "receipt verify": async () => (await import("./verify/receipt.js")).verifyReceiptCommand,
  "model encrypt": async () => (await import("./model/encrypt.js")).encryptModelCommand,
  "model optimize": async () => (await import("./optimize/command.js")).optimizeCommand,
};

async function main(argv: string[], environment: NodeJS.ProcessEnv): Promise<number> {
  const [first, second] = argv;
  const name = [`${String(first)} ${String(second)}`, String(first)].find((words) =>
    Object.hasOwn(help, words),
  );
  try {
    const position = 1 + argv.findIndex(isUnprintable);
    if (position > 0) {
      throw new UsageError(
        `word ${position} contains control characters or binary data; expected text such as a file's name`,
      );
    }
    if (first === "--version") return await print(`${version}\n`);
    if (first === "--help" || first === "help") return await print(overview);
    if (first === undefined) throw new UsageError("no command given");
    if (name === undefined) throw new UsageError(`unknown command ${first}`);
    if (asksForHelp(argv)) return await print(help[name] ?? overview);
    const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (load === undefined) throw new UsageError(`${name} wants ${subcommandsOf(name)}`);
    const command = await load();
    return await command(argv.slice(name.split(" ").length), environment);
  } catch (error) {
    return fail(error, name);
  }
}

/** The subcommands of a command that does nothing alone. */
function subcommandsOf(name: string): string {
  const words = Object.keys(commands)
    .filter((command) => command.startsWith(`${name} `))
    .map((command) => command.slice(name.length + 1));
  return words.length === 1
    ? words.join("")
    : `one of ${words.join(", ").replace(/, (\w+)$/u, " and $1")}`;
}

function asksForHelp(argv: string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end === -1 ? argv.length : end).includes("--help");
}

async function print(text: string): Promise<number> {
  await writeStandardOutput(text);
  return 0;
}

function fail(error: unknown, command: string | undefined): number {
  // The code that a shell reports for a program that SIGPIPE ends.
  if (error instanceof BrokenPipe) return 128 + constants.signals.SIGPIPE;
  reportFailure(error, command);
  return error instanceof UsageError ? 64 : 1;
}

ignoreStreamEvents();
process.exitCode = await main(process.argv.slice(2), process.env);
