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
/** Time for writing the log's last lines, and the line about a failure. */
const flushTimeoutMs = 1000;
/** Time for pending requests to end after a signal. */
const stopTimeoutMs = 10_000;

/** What `ProcessEnd` needs of a server that has begun to boot. */
export interface EndingServer {
  log: Logger;
  /** Absolute paths. */
  keyFiles: readonly string[];
  /** Stops the server in order. Resolves at once while the server is not running yet. */
  stop: () => Promise<void>;
}

/**
 * Ends this process, whatever the reason, with one exit code, at most one line on standard error and no key file left.
 * If there are several reasons, the first one decides.
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

  /**
   * Registers handlers for uncaught errors, signals and `exit`.
   *
   * @returns the signals that could not get a handler, and so end the process at once
   */
  watch(): UnhandledSignals | undefined {
    process.on("uncaughtException", this.#crash);
    process.on("unhandledRejection", this.#crash);
    // Runs when something calls process.exit, or the event loop is empty.
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

  /** Registers the running server: the process' end then stops it and removes its key files. */
  serve(server: EndingServer): void {
    this.#server = server;
  }

  /** Ends the process because of an error, with the exit code of its class and a line that describes it. */
  async fail(error: unknown): Promise<never> {
    return error instanceof BootError
      ? this.leave(exitCodeOf(error), `${error.code}: ${error.message}`)
      : this.#failAsBug(error);
  }

  async #failAsBug(error: unknown): Promise<never> {
    this.#server?.log.error({ reason: kindOf(error), at: framesOf(error) }, "uncaught");
    return this.leave(exitCodes.bug, describeBug(error));
  }

  /** Calls `fail` when `ending` has settled, either way. Signals that arrive meanwhile have no effect. */
  failAfter(ending: Promise<unknown>, error: unknown): void {
    this.#isStopping = true;
    this.#removeKeyFiles();
    const fail = (): Promise<never> => this.fail(error);
    ending.then(fail, fail);
  }

  /**
   * Ends the process with this exit code, even if nothing reads its output, and even if a native library's call never
   * returns.
   *
   * @param line what is printed on standard error, after `confml: error: `
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
    // A boot that continued during the flush may have written one.
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
    // Now, because a stop that takes too long may end in SIGKILL. The running server does not read them.
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
   * Removes the key files synchronously, because the process may end right after it.
   *
   * @returns the error if one could not be removed; undefined: none is left
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
