import { spawn, type ChildProcess, type ChildProcessByStdio } from "node:child_process";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import type { z } from "zod";
import { parseObject } from "../scripts/demo/process.js";
import { projectFolder } from "../scripts/demo/stage.js";

type Entry = Record<string, unknown>;
/** A program and what it is given. */
export type Command = readonly [string, ...string[]];

export interface Child {
  pid: number;
  /** The line that said it was ready. */
  ready: Entry;
  /** Milliseconds, on performance.now()'s clock. */
  startedAt: number;
  /** Settles with the exit code, or null after a signal. */
  exited: Promise<number | null>;
  stop(): Promise<void>;
}

export interface ChildOptions {
  command: Command;
  environment?: Record<string, string>;
  /** Each line of standard output as JSON, until one of them is the sign of being ready. */
  isReady: (entry: Entry) => boolean;
}

const quotedLines = 12;
const running = new Set<ChildProcess>();

process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

interface Launched {
  child: ChildProcessByStdio<null, Readable, Readable>;
  lines: Interface;
  exited: Promise<number | null>;
  /** With what it said last. */
  failure: () => Error;
}

function launch([program, ...words]: Command, environment: Record<string, string>): Launched {
  const child = spawn(program, words, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  const lastWords: string[] = [];
  const note = (line: string): void => {
    lastWords.push(line);
    if (lastWords.length > quotedLines) lastWords.shift();
  };
  createInterface({ input: child.stderr }).on("line", note);
  const lines = createInterface({ input: child.stdout }).on("line", note);
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  }).finally(() => running.delete(child));
  // Whoever waits for it hears of it; nobody has to.
  exited.catch(() => undefined);
  const failure = (): Error => {
    const what = words.find((word) => word.endsWith(".js")) ?? program;
    const how = String(child.exitCode ?? child.signalCode);
    return new Error([`${what} ended (${how})`, ...lastWords].join("\n  "));
  };
  return { child, lines, exited, failure };
}

/** Starts a process, with no environment but what is given, and waits until it is ready. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const startedAt = performance.now();
  const { child, lines, exited, failure } = launch(options.command, options.environment ?? {});
  const ready = await new Promise<Entry>((resolve, reject) => {
    lines.on("line", (line) => {
      const entry = parseObject(line);
      if (options.isReady(entry)) resolve(entry);
    });
    exited.then(() => {
      reject(failure());
    }, reject);
  });
  // A log of every request is written, as ever, but nobody has to read it.
  lines.close();
  child.stdout.resume();
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  return { pid: child.pid ?? 0, ready, startedAt, exited, stop };
}

/** Runs a command to its end. @throws Error with its last words where it fails */
export async function runCommand(command: Command): Promise<void> {
  const { exited, failure } = launch(command, { PATH: process.env["PATH"] ?? "" });
  if ((await exited) !== 0) throw failure();
}

/** Ends whatever still runs. */
export async function stopChildren(): Promise<void> {
  const ends = [...running].map(
    (child) =>
      new Promise((resolve) => {
        child.once("close", resolve);
        child.kill("SIGKILL");
      }),
  );
  await Promise.all(ends);
}

/** Has one of this folder's programs do a job in a process of its own. @returns its answer */
export async function runJob<Result>(
  script: string,
  job: object,
  result: z.ZodType<Result>,
  cpus?: string,
): Promise<Result> {
  const program = join(projectFolder, "build/bench", script);
  const child = await startChild({
    command: pinned([process.execPath, program, JSON.stringify(job)], cpus),
    isReady: (entry) => !("msg" in entry),
  });
  await child.exited;
  return result.parse(child.ready);
}

/** The same command, kept to some of the machine's CPUs (`0`, `0,1`). */
export function pinned(command: Command, cpus: string | undefined): Command {
  return cpus === undefined ? command : ["taskset", "-c", cpus, ...command];
}
