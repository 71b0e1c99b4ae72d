// Uses 12 MB of malloc's twice, and prints how many of its pages the kernel had to provide the second time.
//   node test/helpers/heap-faults-child.mjs [kept]
import process from "node:process";
import koffi from "koffi";
import { keepHeap } from "../../dist/native/process-memory.js";

// Set before koffi loads a library, because it refuses settings afterwards.
if (process.argv[2] === "kept") await keepHeap();

const size = 12_000_000;
const libc = koffi.load(null);
const malloc = libc.func("uint64_t malloc(size_t size)");
const memset = libc.func("uint64_t memset(uint64_t at, int byte, size_t size)");
const free = libc.func("void free(uint64_t at)");

function faultsOfUse() {
  const before = process.resourceUsage().minorPageFault;
  const at = malloc(size);
  memset(at, 1, size);
  free(at);
  return process.resourceUsage().minorPageFault - before;
}

faultsOfUse();
process.stdout.write(String(faultsOfUse()));
