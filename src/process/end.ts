import type { Logger } from "pino";
import { BootError, UnavailableError } from "../errors.js";
import { LineWriter } from "../line-writer.js";
import { prepareToLeave } from "../native/leave.js";
import { preparePoll, type CanWrite } from "../native/poll.js";
import { removeKeyFiles } from "../secrets/key-file.js";
import { describeBug, exitCodeOf, exitCodes, framesOf, kindOf } from "./failure.js";
import { writeLastLine } from "./last-line.js";
import { handleEndingSignals, type UnhandledSignals } from "./signals.js";

const standardError = 2;
/** How long the log's last lines, and the line about a failure, may take to get out. */
const flushTimeoutMs = 1000;
/** How long requests under way may take to end after a signal. */
const stopTimeoutMs = 10_000;

/** What the end needs of a server that has begun to boot. */
export interface EndingServer {
  log: Logger;
  /** Absolute paths. */
  keyFiles: readonly string[];
  /** The orderly stop; without a running server there is nothing to stop. */
  stop: () => Promise<void>;
}

/**
 * How this process ends, whatever ends it: one exit code, at most one line on standard error, no key file. The first
 * reason to end counts.
 */
export class ProcessEnd {
  /** Standard output: the log. */
  readonly output = new LineWriter({ fd: 1 });
  readonly #errors = new LineWriter({ fd: standardError });
  /** Replaced by `prepare`. */
  #exit: (code: number) => never = (code) => process.exit(code);
  #canWrite: CanWrite | undefined;
  #server: EndingServer | undefined;
  #isStopping = false;
  #isLeaving = false;

  /** Listens for whatever may end the process. @returns the signals that will end it at once */
  watch(): UnhandledSignals | undefined {
    process.on("uncaughtException", this.#crash);
    process.on("unhandledRejection", this.#crash);
    // Where something calls process.exit, or nothing is left to wait for.
    process.on("exit", () => {
      this.#removeKeyFiles();
    });
    return handleEndingSignals(this.#stopOnSignal);
  }

  /** Prepares an exit, and a write of the last line, that do not wait for hanging threads. */
  async prepare(): Promise<void> {
    this.#exit = await prepareToLeave();
    this.#canWrite = await preparePoll();
  }

  /** From now on the end is this server's, too. */
  serve(server: EndingServer): void {
    this.#server = server;
  }

  /** Ends the process because of an error: one line for people, and the exit code of its kind. */
  async fail(error: unknown): Promise<never> {
    return error instanceof BootError
      ? this.leave(exitCodeOf(error), `${error.code}: ${error.message}`)
      : this.#failAsBug(error);
  }

  async #failAsBug(error: unknown): Promise<never> {
    this.#server?.log.error({ reason: kindOf(error), at: framesOf(error) }, "uncaught");
    return this.leave(exitCodes.bug, describeBug(error));
  }

  /** The same once what is under way has ended, however it does; signals change nothing about it. */
  failAfter(ending: Promise<unknown>, error: unknown): void {
    this.#isStopping = true;
    this.#removeKeyFiles();
    const fail = (): Promise<never> => this.fail(error);
    ending.then(fail, fail);
  }

  /**
   * Ends the process with this exit code, whether or not anybody takes what was printed: whatever still runs may be a
   * native library's call that never ends.
   *
   * @param line for people, on standard error
   */
  async leave(code: number, line?: string): Promise<never> {
    if (this.#isLeaving) return new Promise<never>(() => undefined);
    this.#isLeaving = true;
    const left = this.#removeKeyFiles();
    if (code === exitCodes.ok && left !== undefined) {
      this.#isLeaving = false;
      return this.fail(left);
    }
    const written = line === undefined ? undefined : this.#writeLine(`confml: error: ${line}\n`);
    await Promise.all([this.output.flush(flushTimeoutMs), written]);
    // A boot that goes on meanwhile may have written one.
    this.#removeKeyFiles();
    return this.#exit(code);
  }

  async #writeLine(line: string): Promise<void> {
    const canWrite = this.#canWrite;
    if (canWrite !== undefined) return writeLastLine(standardError, line, canWrite, flushTimeoutMs);
    this.#errors.write(line);
    return this.#errors.flush(flushTimeoutMs);
  }

  readonly #stopOnSignal = (signal: NodeJS.Signals): void => {
    const log = this.#server?.log;
    if (this.#isStopping || this.#isLeaving) {
      log?.info({ signal }, "stopping already");
      return;
    }
    this.#isStopping = true;
    // Nobody reads them, and a stop that takes too long for whoever asked for it may end in SIGKILL.
    this.#removeKeyFiles();
    log?.info({ signal }, "stopping");
    setTimeout(() => void this.fail(stopTimeout()), stopTimeoutMs).unref();
    const stopped = this.#server?.stop() ?? Promise.resolve();
    stopped.then(
      () => this.leave(exitCodes.ok),
      (error: unknown) => this.fail(error),
    );
  };

  readonly #crash = (error: unknown): void => {
    this.#removeKeyFiles();
    void this.#failAsBug(error);
  };

  /**
   * At once, since nothing may come after it.
   *
   * @returns why one could not be removed; undefined: none is left
   */
  #removeKeyFiles(): unknown {
    try {
      removeKeyFiles(this.#server?.keyFiles ?? []);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

function stopTimeout(): UnavailableError {
  return new UnavailableError("STOP_TIMEOUT", {
    doing: "stopping after a signal",
    expected: `all requests under way to end within ${stopTimeoutMs} ms`,
    got: "some that go on, which are cut off",
    fix: "Take the server out of its load balancer before it is stopped",
  });
}
