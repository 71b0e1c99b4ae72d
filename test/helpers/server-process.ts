import { spawn } from "node:child_process";
import { join } from "node:path";
import { projectFolder } from "../../scripts/project.js";

export { projectFolder };

/** Time after which a server is killed. */
const patienceMs = 40_000;

const listening = /"port":(\d+),"msg":"listening"/u;

export interface LaunchOptions {
  configFile: string;
  environment: Record<string, string>;
  /** The command's words before `node`, such as a shell with `ulimit`, or `unshare`. */
  wrapper?: string[];
  /** The server's main.js; the built one by default. */
  main?: string;
}

export interface ServerProcess {
  pid: number;
  port: number;
  /** Everything printed so far, on both streams. */
  output: () => string;
  /** Resolves when the output matches often enough; rejects if the server ends before. */
  printed: (pattern: RegExp, times?: number) => Promise<void>;
  /** Stops reading the server's output until it has ended. */
  stopReading: () => void;
  /** Resolves with the exit code when the server has ended. */
  exited: Promise<number | null>;
  stop(): Promise<number | null>;
}

export interface EndedProcess {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the built server and waits until it listens. */
export async function startServer(options: LaunchOptions): Promise<ServerProcess> {
  const { child, printed, closed } = launch(options);
  const output = (): string => printed.stdout + printed.stderr;
  const untilPrinted = (pattern: RegExp, times = 1): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = printed.stdout.match(new RegExp(pattern, "gu")) ?? [];
        if (found.length < times) return;
        child.stdout.off("data", look);
        resolve();
      };
      child.stdout.on("data", look);
      look();
      void closed.then((code) => {
        reject(new Error(`the server ended with ${String(code)} too early: ${output()}`));
      });
    });
  await untilPrinted(listening);
  return {
    pid: child.pid ?? 0,
    port: Number(listening.exec(printed.stdout)?.[1]),
    output,
    printed: untilPrinted,
    stopReading: () => child.stdout.pause(),
    exited: closed,
    stop: () => {
      child.kill("SIGTERM");
      return closed;
    },
  };
}

/** Starts the built server and waits for its end. */
export async function runServerToItsEnd(
  options: LaunchOptions,
  onStart: (pid: number) => void = () => undefined,
): Promise<EndedProcess> {
  const { child, printed, closed } = launch(options);
  onStart(child.pid ?? 0);
  const code = await closed;
  return { code, ...printed };
}

/** Starts the built server, sends it a signal (SIGKILL by default) when its log matches, and waits for its end. */
export async function killServerAt(
  options: LaunchOptions,
  pattern: RegExp,
  signal: NodeJS.Signals = "SIGKILL",
): Promise<EndedProcess> {
  const { child, printed, closed } = launch(options);
  const look = (): void => {
    if (!pattern.test(printed.stdout)) return;
    child.stdout.off("data", look);
    child.kill(signal);
  };
  child.stdout.on("data", look);
  const code = await closed;
  return { code, ...printed };
}

const builtMain = join(projectFolder, "dist/main.js");

function launch({ configFile, environment, wrapper = [], main = builtMain }: LaunchOptions) {
  const command = [...wrapper, process.execPath, main, "--config", configFile];
  const child = spawn(command[0] ?? process.execPath, command.slice(1), {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.stderr += text;
  });
  const watchdog = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  child.once("exit", () => child.stdout.resume());
  const closed = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      clearTimeout(watchdog);
      resolve(code);
    });
  });
  return { child, printed, closed };
}
