import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** A program and its arguments. */
export type Command = readonly [string, ...string[]];

export interface LaunchOptions {
  command: Command;
  /** The child's whole environment; empty by default. */
  environment?: NodeJS.ProcessEnv;
  cwd?: string | undefined;
  /** `pipe` (default): it stays open until this process ends, which the child may wait for. */
  stdin?: "pipe" | "inherit" | "ignore";
  /** Called with each line of standard output; without it the child has this process's. */
  onLine?: (line: string) => void;
  /** Called with each line of standard error; without it the child has this process's. */
  onErrorLine?: (line: string) => void;
}

/** How a process ended: one of the two is null. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Launched {
  /** 0 if the program could not be started. */
  pid: number;
  /** When it was started, on performance.now()'s clock. */
  startedAt: number;
  /** Settles when the process has ended; rejects if the program cannot be started. */
  exited: Promise<Exit>;
  /** The same, once all output has been read as well. */
  closed: Promise<Exit>;
  kill: (signal: NodeJS.Signals) => void;
  /** Reads and drops what it prints on standard output from now on. */
  discardOutput: () => void;
}

const running = new Set<ChildProcess>();

/** Starts a process. It gets SIGTERM if this process ends before it. */
export function launch(options: LaunchOptions): Launched {
  const { environment = {}, cwd, stdin = "pipe", onLine, onErrorLine } = options;
  const [program, ...words] = options.command;
  const startedAt = performance.now();
  const child = spawn(program, words, {
    cwd,
    env: environment,
    stdio: [stdin, onLine ? "pipe" : "inherit", onErrorLine ? "pipe" : "inherit"],
  });
  register(child);
  const closed = untilEvent(child, "close").finally(() => {
    unregister(child);
  });
  const exited = untilEvent(child, "exit");
  // A caller that does not wait for the end need not handle a program that cannot be started.
  closed.catch(() => undefined);
  exited.catch(() => undefined);
  const lines = readLines(child.stdout, onLine);
  readLines(child.stderr, onErrorLine);
  return {
    pid: child.pid ?? 0,
    startedAt,
    exited,
    closed,
    kill: (signal) => child.kill(signal),
    discardOutput: () => {
      lines?.close();
      child.stdout?.resume();
    },
  };
}

/** Kills all processes that still run (SIGKILL), and settles when they have ended. */
export async function killAll(): Promise<void> {
  const ends = [...running].map(async (child) => {
    const closed = untilEvent(child, "close");
    child.kill("SIGKILL");
    await closed;
  });
  await Promise.all(ends);
}

/** A process's exit code as a shell reports it: 128 and the signal's number after a signal. */
export function shellCode({ code, signal }: Exit): number {
  return code ?? 128 + constants.signals[signal ?? "SIGKILL"];
}

function register(child: ChildProcess): void {
  if (running.size === 0) process.on("exit", endRunning);
  running.add(child);
}

function unregister(child: ChildProcess): void {
  running.delete(child);
  if (running.size === 0) process.off("exit", endRunning);
}

function endRunning(): void {
  for (const child of running) child.kill("SIGTERM");
}

function untilEvent(child: ChildProcess, event: "exit" | "close"): Promise<Exit> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once(event, (code: number | null, signal: NodeJS.Signals | null) => {
      resolve({ code, signal });
    });
  });
}

function readLines(stream: Readable | null, onLine: ((line: string) => void) | undefined) {
  if (stream === null || onLine === undefined) return undefined;
  return createInterface({ input: stream }).on("line", onLine);
}
