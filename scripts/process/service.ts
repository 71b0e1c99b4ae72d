import { launch, type Command, type Exit } from "./launch.js";

/** A process that runs until it is stopped. */
export interface Service {
  pid: number;
  /** Time at which the process was started, on performance.now()'s clock. */
  startedAt: number;
  /** The JSON line with which the process reported that it is ready. */
  ready: Record<string, unknown>;
  /** Settles when the process has ended. */
  exited: Promise<Exit>;
  /** Sends SIGTERM and waits until the process has ended. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  command: Command;
  /** The service's whole environment; empty by default. */
  environment?: Record<string, string>;
  /** Called with each line of standard output; returns true for the line that reports readiness. */
  onLine: (line: string) => boolean;
  /** Called with each line of standard error. Without it the last lines of both streams are quoted in a failure. */
  onErrorLine?: (line: string) => void;
  /** Whether standard output is dropped once the service is ready. */
  discardsLog?: boolean;
}

/** A process that failed, or a service that ended before it was ready. */
export class ProcessFailure extends Error {
  /** The process's own, and never 0. */
  readonly exitCode: number;
  /** Whether the process's messages have been shown already. */
  readonly isShown: boolean;

  constructor(message: string, { exitCode, isShown }: { exitCode: number; isShown: boolean }) {
    super(message);
    this.exitCode = exitCode;
    this.isShown = isShown;
  }
}

const quotedLines = 12;

/**
 * Starts a service and waits until it is ready.
 *
 * @throws ProcessFailure if it ends before; the system's error if the program cannot be started
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { command, environment = {}, onErrorLine, discardsLog = false } = options;
  const quote = new Quote();
  let reportReady: (line: string) => void = () => undefined;
  const readyLine = new Promise<string>((resolve) => {
    reportReady = resolve;
  });
  const { pid, startedAt, exited, closed, kill, discardOutput } = launch({
    command,
    environment,
    onLine: (line) => {
      quote.add(line);
      if (options.onLine(line)) reportReady(line);
    },
    onErrorLine: onErrorLine ?? quote.add,
  });
  // Not `exited`: output that explains the failure may arrive after the process has ended.
  const failed = closed.then((exit) => {
    throw quote.failure(command, exit, onErrorLine !== undefined);
  });
  const ready = parseObject(await Promise.race([readyLine, failed]));
  if (discardsLog) discardOutput();
  const stop = async (): Promise<void> => {
    kill("SIGTERM");
    await exited;
  };
  return { pid, startedAt, ready, exited, stop };
}

/**
 * Runs a command to its end. Its output is quoted if it fails, and dropped otherwise.
 *
 * @throws ProcessFailure for an exit code other than 0; the system's error if the program cannot be started
 */
export async function runCommand(command: Command): Promise<void> {
  const quote = new Quote();
  const environment = { PATH: process.env["PATH"] ?? "" };
  const { closed } = launch({ command, environment, onLine: quote.add, onErrorLine: quote.add });
  const exit = await closed;
  if (exit.code !== 0) throw quote.failure(command, exit, false);
}

/** Parses a line of a JSON log. A line that is not a JSON object becomes the result's `msg`. */
export function parseObject(line: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Not JSON.
  }
  return { msg: line };
}

/** The last lines of a process's output. */
class Quote {
  readonly #lines: string[] = [];

  readonly add = (line: string): void => {
    this.#lines.push(line);
    if (this.#lines.length > quotedLines) this.#lines.shift();
  };

  failure(command: Command, { code, signal }: Exit, isShown: boolean): ProcessFailure {
    const what = command.find((word) => word.endsWith(".js")) ?? command[0];
    const ended = `${what} ended (${code ?? signal ?? ""})`;
    const message = isShown ? ended : [ended, ...this.#lines].join("\n  ");
    return new ProcessFailure(message, { exitCode: code || 1, isShown });
  }
}
