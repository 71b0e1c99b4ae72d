// Decodes one picture as the server does, and prints by how much the peak memory of this process grew.
//   node test/helpers/decode-child.mjs FILE LIMITS [BYTES]
// LIMITS is a JSON text. With BYTES the process can allocate only that much more memory than it has at the start.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { URL } from "node:url";
import { configureDecoder, inspectImage } from "../../dist/image/decode.js";
import { prepareImage } from "../../dist/image/preprocess.js";
import { keepHeap } from "../../dist/native/process-memory.js";

const [path = "", limits = "{}", moreBytes] = process.argv.slice(2);
const options = {
  preprocessing: { resize: 256, crop: 224 },
  timeoutSeconds: 600,
  signal: new globalThis.AbortController().signal,
};

/** Bytes, from /proc/self/status. */
function memory(name) {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "mu").exec(status)?.[1]) * 1024;
}

async function decode(file) {
  const header = await inspectImage(file, JSON.parse(limits));
  await prepareImage(file, header, options);
  return header.decodeBytes;
}

configureDecoder();
await keepHeap();
// The first picture loads code, threads and WebAssembly, which is not measured.
const first = readFileSync(new URL("../fixtures/images/rgb.jpg", import.meta.url));
await decode(first);
const file = readFileSync(path);
// Resets the peak, VmHWM (proc_pid_clear_refs(5)).
writeFileSync("/proc/self/clear_refs", "5");
const before = memory("VmRSS");
if (moreBytes !== undefined) {
  const most = memory("VmData") + Number(moreBytes);
  execFileSync("prlimit", ["--pid", String(process.pid), `--data=${most}`]);
}
const outcome = await decode(file).then(
  (decodeBytes) => ({ decodeBytes }),
  (error) => ({ code: error.code }),
);
process.stdout.write(JSON.stringify({ ...outcome, peakBytes: memory("VmHWM") - before }));
