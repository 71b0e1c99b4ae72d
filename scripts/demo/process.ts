import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";

export interface Service {
  pid: number;
  /** The line that said it was ready, as JSON. */
  ready: Record<string, unknown>;
  /** Settles with the exit code, or null after a signal. */
  exited: Promise<number | null>;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  /** A program and what it is given. */
  command: readonly [string, ...string[]];
  environment?: Record<string, string>;
  /** Each line of standard output; true once the service is ready. */
  onLine: (line: string) => boolean;
  onErrorLine: (line: string) => void;
}

/** Starts a process, with no environment but what is given, and waits until it is ready. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const [program, ...words] = options.command;
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(program, words, {
    env: options.environment ?? {},
    stdio: ["pipe", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  // Whatever ends this process, a service that is not ready yet does not outlive it.
  const abandon = (): void => {
    child.kill("SIGTERM");
  };
  process.once("exit", abandon);
  void exited.then(() => process.off("exit", abandon));
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  createInterface({ input: child.stderr }).on("line", options.onErrorLine);
  const readyLine = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (options.onLine(line)) resolve(line);
    });
    child.once("error", reject);
    // Not "exit": its last words are still on their way then.
    child.once("close", (code, signal) => {
      reject(new ServiceFailure(code || 1, `${program} ended (${code ?? signal ?? ""})`));
    });
  });
  return { pid: child.pid ?? 0, ready: parseObject(readyLine), exited, stop };
}

/** A service that ended instead of getting ready; it has said why. */
export class ServiceFailure extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** One line of a JSON log; what is no JSON object is kept as its message. */
export function parseObject(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Not JSON.
  }
  return { msg: line };
}
