import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  type BigIntStats,
} from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { hasCompiler } from "../helpers/native-library.js";
import { koffi, runNode, type Native, type Shim } from "./shim.js";

const whenCompiling = hasCompiler ? describe : describe.skip;

const { EBADF, EINVAL, ENOENT } = constants.errno;

/** Of <fcntl.h> and <sys/stat.h>. */
const here = -100;
const noFollow = 0x100;
const emptyPath = 0x1000;
const [forceSync, dontSync] = [0x2000, 0x4000];
const unknownFlag = 0x8;
const [basic, everything, reservedMask] = [0x7ff, 0xfff, 0x80000000];
const declaration =
  "int statx(int folder, const char *path, int flags, uint32_t mask, void *result)";

/** appdir/shim/statx.c. */
export function testStatx(shim: () => Shim): void {
  const path = (name: string): string => join(shim().folder, name);

  beforeAll(() => {
    writeFileSync(path("file"), "x".repeat(5000));
    linkSync(path("file"), path("same"));
    // Whoever is not root has an owner and a group there that are often one number.
    if (process.getuid?.() === 0) chownSync(path("file"), 1234, 5678);
    chmodSync(path("file"), 0o4640);
    utimesSync(path("file"), 1_700_000_000.25, 5_000_000_000.5);
    mkdirSync(path("folder"));
    utimesSync(path("folder"), -2.5, -1.75);
    symlinkSync("folder", path("link"));
  });

  describe("statx", () => {
    const call = (...parameters: unknown[]) =>
      [shim().ours, shim().libcs].map((library) => {
        const statx: Native = library.func(declaration);
        const result = Buffer.alloc(256, 0x55);
        koffi.errno(0);
        const returned = statx(...parameters, result);
        return { returned, errno: koffi.errno(), result: result.toString("hex") };
      });

    test("tells what the C library's own does", () => {
      for (const name of ["file", "folder", "link"]) {
        for (const flags of [0, noFollow, noFollow | dontSync, forceSync]) {
          for (const mask of [basic, everything, 0]) {
            const [ours, libcs] = call(here, path(name), flags, mask);
            expect(ours).toEqual(libcs);
            expect(ours?.returned).toBe(0);
          }
        }
      }
    });

    test("looks from a folder, and at a descriptor", () => {
      const descriptor = openSync(shim().folder, "r");
      try {
        for (const [name, flags] of [
          ["file", 0],
          ["", emptyPath],
        ] as const) {
          const [ours, libcs] = call(descriptor, name, flags, basic);
          expect(ours).toEqual(libcs);
          expect(ours?.returned).toBe(0);
        }
      } finally {
        closeSync(descriptor);
      }
    });

    test("fails as the C library's own does", () => {
      for (const [parameters, errno] of [
        [[here, path("missing"), 0, basic], ENOENT],
        [[here, "", 0, basic], ENOENT],
        [[1_000_000, "file", 0, basic], EBADF],
        [[-1, "", emptyPath, basic], EBADF],
        [[here, path("file"), unknownFlag, basic], EINVAL],
        // What an older call would answer.
        [[here, path("file"), forceSync | dontSync, basic], EINVAL],
        [[here, path("file"), 0, reservedMask], EINVAL],
      ] as const) {
        const [ours, libcs] = call(...parameters);
        expect(ours).toEqual(libcs);
        expect(ours).toMatchObject({ returned: -1, errno });
      }
    });
  });

  whenCompiling("statx, where the kernel has none", () => {
    let fixture = "";

    beforeAll(async () => {
      fixture = await shim().compile("no-statx.c");
    });

    /** What statx returns for each of these, in a process of its own. */
    async function ask(questions: readonly (readonly [string, number])[]): Promise<unknown> {
      const { stdout, stderr } = await runNode(
        [shim().library, fixture],
        `import koffi from "koffi";
      import { openSync } from "node:fs";
      const statx = koffi.load(null).func(${JSON.stringify(declaration)});
      const answers = ${JSON.stringify(questions)}.map(([path, flags]) => {
        const result = Buffer.alloc(256, 0x55);
        koffi.errno(0);
        const isEmpty = (flags & ${emptyPath}) !== 0;
        const from = isEmpty ? openSync(path, "r") : ${here};
        const returned = statx(from, isEmpty ? "" : path, flags, ${basic}, result);
        return returned === 0 ? result.toString("hex") : koffi.errno();
      });
      console.log(JSON.stringify(answers));`,
      );
      expect(stderr).toBe("");
      return JSON.parse(stdout);
    }

    /** struct statx, with what an older call knows of it. */
    function expected(status: BigIntStats): string {
      const bytes = Buffer.alloc(256);
      const write = (at: number, value: bigint): unknown => bytes.writeUInt32LE(Number(value), at);
      const writeTime = (at: number, nanoseconds: bigint): void => {
        const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
        bytes.writeBigInt64LE((nanoseconds - rest) / 1_000_000_000n, at);
        write(at + 8, rest);
      };
      const writeDevice = (at: number, device: bigint): void => {
        write(at, ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn));
        write(at + 4, (device & 0xffn) | ((device >> 12n) & 0xffffff00n));
      };
      write(0, BigInt(basic));
      write(4, status.blksize);
      write(16, status.nlink);
      write(20, status.uid);
      write(24, status.gid);
      bytes.writeUInt16LE(Number(status.mode), 28);
      bytes.writeBigUInt64LE(status.ino, 32);
      bytes.writeBigUInt64LE(status.size, 40);
      bytes.writeBigUInt64LE(status.blocks, 48);
      writeTime(64, status.atimeNs);
      writeTime(96, status.ctimeNs);
      writeTime(112, status.mtimeNs);
      writeDevice(128, status.rdev);
      writeDevice(136, status.dev);
      return bytes.toString("hex");
    }

    test("tells what stat does, and no more", async () => {
      const bigint = true;
      const followed = ["file", "folder", "link"].map(path).concat("/dev/null");
      const link = path("link");
      const file = path("file");
      const answers = await ask([
        ...followed.map((name) => [name, 0] as const),
        ...[link, file].map((name) => [name, noFollow] as const),
        ...[forceSync, dontSync, emptyPath].map((flags) => [file, flags] as const),
      ]);
      expect(answers).toEqual([
        ...followed.map((name) => expected(statSync(name, { bigint }))),
        ...[link, file].map((name) => expected(lstatSync(name, { bigint }))),
        ...Array.from({ length: 3 }, () => expected(statSync(file, { bigint }))),
      ]);
    });

    test("fails as stat does", async () => {
      const answers = await ask([
        [path("missing"), 0],
        [path("file/below"), 0],
        [path("file"), unknownFlag],
      ]);
      expect(answers).toEqual([ENOENT, constants.errno.ENOTDIR, EINVAL]);
    });
  });
}
