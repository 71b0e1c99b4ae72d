// Decodes pictures in all threads of libuv's pool, and prints the number of heaps of glibc's malloc afterwards.
//   node test/helpers/heaps-child.mjs [shared]
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import koffi from "koffi";
import { shareHeaps } from "../../dist/native/process-memory.js";

if (process.argv[2] === "shared") await shareHeaps();
const { default: sharp } = await import("sharp");
const picture = { width: 1500, height: 1000, channels: 3, background: "red" };
const encoded = Array.from({ length: 8 }, () => sharp({ create: picture }).png().toBuffer());
await Promise.all(encoded);

const libc = koffi.load(null);
const file = join(tmpdir(), `confml-heaps-${process.pid}`);
const stream = libc.func("void *fopen(const char *path, const char *mode)")(file, "wx");
libc.func("int malloc_info(int options, void *stream)")(0, stream);
libc.func("int fclose(void *stream)")(stream);
process.stdout.write(String(readFileSync(file, "utf8").match(/<heap nr=/gu)?.length));
rmSync(file);
