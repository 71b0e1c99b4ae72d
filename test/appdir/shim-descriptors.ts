import { closeSync, constants as files, openSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { hasCompiler } from "../helpers/native-library.js";
import { runNode, type Shim } from "./shim.js";

const whenCompiling = hasCompiler ? describe : describe.skip;
const { EBADF, EINVAL, ENOTTY } = constants.errno;
const { O_APPEND, O_NOCTTY, O_NONBLOCK, O_RDWR, O_WRONLY } = files;
const terminal = "/dev/ptmx";
/** No descriptor of any process here. */
const closed = 10_000;

/** What a script begins with: it asks the shim's function, or the C library's own. */
const beginning = `
  import koffi from "koffi";
  import { openSync } from "node:fs";
  const [ours, libcs] = [koffi.load(null), koffi.load("libc.so.6")];
  const [getFd, setFd, getFlags, setFlags, dup, getLock] = [1, 2, 3, 4, 0, 5];
  const copy = libcs.func("int dup2(int from, int to)");
  const close = libcs.func("int close(int descriptor)");
  /** The result, or [the result, errno] where that says that it failed. */
  function asking(call, failed) {
    return (...parameters) => {
      koffi.errno(0);
      const result = call(...parameters);
      return result === failed ? [result, koffi.errno()] : result;
    };
  }
  function control(library, name) {
    const call = library.func("int " + name + "(int descriptor, int command, ...)");
    return asking((descriptor, command, argument = 0) => typeof argument === "number"
      ? call(descriptor, command, "int", argument)
      : call(descriptor, command, "void *", argument), -1);
  }
  const isTerminal = (library) => asking(library.func("int isatty(int descriptor)"), 0);
  const libcControl = control(libcs, "fcntl");
`;

/** appdir/shim/descriptors.c. */
export function testDescriptors(shim: () => Shim): void {
  const path = (name: string): string => join(shim().folder, name);

  /** What a process with the shim, and with libraries behind it, says of its descriptors. */
  async function ask(script: string, ...behind: string[]): Promise<unknown> {
    const { stdout, stderr } = await runNode([shim().library, ...behind], beginning + script);
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  }

  beforeAll(() => {
    writeFileSync(path("log"), "");
  });

  describe("isatty", () => {
    test("says no of the console, whatever it is, and what the C library says of the rest", async () => {
      const answers = await ask(`
        const terminal = openSync("${terminal}", ${O_RDWR | O_NOCTTY});
        const file = openSync("${path("log")}");
        const outputs = [1, 2].map((descriptor) => libcControl(descriptor, dup, 100));
        for (const descriptor of [0, 1, 2]) copy(terminal, descriptor);
        const descriptors = [0, 1, 2, terminal, file, ${closed}, -1];
        const answers = [ours, libcs].map((library) => descriptors.map(isTerminal(library)));
        outputs.forEach((saved, at) => copy(saved, at + 1));
        console.log(JSON.stringify(answers));
      `);
      const no = [0, ENOTTY];
      const rest = [1, no, [0, EBADF], [0, EBADF]];
      expect(answers).toEqual([
        [no, no, no, ...rest],
        [1, 1, 1, ...rest],
      ]);
    });
  });

  describe.each(["fcntl", "fcntl64"])("%s", (name) => {
    test("is the C library's own for whatever that can answer", async () => {
      const answers = await ask(`
        const ask = control(ours, "${name}");
        const log = openSync("${path("log")}", ${O_WRONLY | O_APPEND});
        // The console too: here it has flags.
        copy(log, 0);
        const answers = [];
        for (const descriptor of [log, 0]) {
          answers.push(ask(descriptor, getFlags) & ${O_APPEND | O_RDWR | O_WRONLY});
          answers.push(ask(descriptor, setFlags, ${O_APPEND | O_NONBLOCK}));
          answers.push(libcControl(descriptor, getFlags) & ${O_APPEND | O_NONBLOCK});
          answers.push(ask(descriptor, setFlags, ${O_APPEND}));
          answers.push(libcControl(descriptor, getFlags) & ${O_APPEND | O_NONBLOCK});
          answers.push(ask(descriptor, dup, 500), libcControl(500, getFd), close(500));
          answers.push(ask(descriptor, setFd, 1), libcControl(descriptor, getFd));
          answers.push(ask(descriptor, getFd), ask(descriptor, setFd, 0), ask(descriptor, getFd));
          // struct flock: a lock for writing, of 10 bytes; nothing is in its way.
          const lock = Buffer.alloc(32);
          lock.writeInt16LE(1);
          lock.writeBigInt64LE(10n, 16);
          answers.push(ask(descriptor, getLock, lock), lock.readInt16LE(), lock.readInt8(16));
        }
        console.log(JSON.stringify(answers));
      `);
      const status = [O_APPEND | O_WRONLY, 0, O_APPEND | O_NONBLOCK, 0, O_APPEND];
      const each = [...status, 500, 0, 0, 0, 1, 1, 0, 0, 0, 2, 10];
      expect(answers).toEqual([...each, ...each]);
    });

    test("fails as the C library's own does", async () => {
      const answers = await ask(`
        close(0);
        const questions = [[0, getFlags], [0, setFlags, 0], [0, getFd], [${closed}, getFlags],
          [-1, getFlags], [1, dup, -1], [2, 12345]];
        const answers = [control(ours, "${name}"), libcControl].map((ask) =>
          questions.map((question) => ask(...question)));
        console.log(JSON.stringify(answers));
      `);
      const [isClosed, isInvalid] = [
        [-1, EBADF],
        [-1, EINVAL],
      ];
      const each = [...Array.from({ length: 5 }, () => isClosed), isInvalid, isInvalid];
      expect(answers).toEqual([each, each]);
    });
  });

  whenCompiling("a console that knows no flags", () => {
    let noFlags = "";

    beforeAll(async () => {
      noFlags = await shim().compile("console.c", { NO_FLAGS: 1 });
    });

    test.each(["fcntl", "fcntl64"])("is for reading and writing, says %s", async (name) => {
      const answers = await ask(
        `
        const ask = control(ours, "${name}");
        // Not the console, and without flags all the same.
        ask(1, dup, 500);
        const answers = [0, 1, 2, 500].map((descriptor) => [
          ask(descriptor, getFlags), ask(descriptor, setFlags, ${O_NONBLOCK}),
          ask(descriptor, setFd, 0), ask(descriptor, getFd), ask(descriptor, dup, -1),
        ]);
        close(0);
        answers.push([ask(0, getFlags), ask(0, setFlags, 0)]);
        console.log(JSON.stringify(answers));
        `,
        noFlags,
      );
      const [isClosed, isInvalid] = [
        [-1, EBADF],
        [-1, EINVAL],
      ];
      const ofConsole = [O_RDWR, 0, 0, 0, isInvalid];
      expect(answers).toEqual([
        ...[ofConsole, ofConsole, ofConsole],
        [isInvalid, isInvalid, 0, 0, isInvalid],
        [isClosed, isClosed],
      ]);
    });

    test("lets Node start and print, with the shim alone", async () => {
      const script = 'console.log("it runs")';
      expect(await runNode([shim().library, noFlags], script)).toMatchObject({
        ...{ code: 0, stdout: "it runs\n", stderr: "" },
      });
      // What the shim is there for.
      expect(await runNode([noFlags], script)).toMatchObject({ signal: "SIGABRT", stdout: "" });
    });
  });

  whenCompiling("a console that is a terminal without settings", () => {
    test("lets Node start and print, with the shim alone", async () => {
      const noSettings = await shim().compile("console.c", { NO_SETTINGS: 1 });
      const input = openSync(terminal, O_RDWR | O_NOCTTY);
      const script = 'console.log("it runs", process.stdin.isTTY)';
      try {
        expect(await runNode([shim().library, noSettings], script, input)).toMatchObject({
          ...{ code: 0, stdout: "it runs undefined\n", stderr: "" },
        });
        expect(await runNode([noSettings], script, input)).toMatchObject({
          ...{ signal: "SIGABRT", stdout: "" },
        });
      } finally {
        closeSync(input);
      }
    });
  });
}
