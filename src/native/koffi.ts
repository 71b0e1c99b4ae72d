/**
 * The stack of a call: what Linux gives the main thread. koffi runs calls on stacks of its own, and its
 * 128 KiB end the process in the middle of a library that needs more.
 */
const stackBytes = 8 * 1024 * 1024;

/**
 * koffi, with our settings. Loaded when it is needed, so that a platform without its binary still has the
 * rest of the program.
 */
export async function loadKoffi() {
  const { default: koffi } = await import("koffi");
  // It takes settings before it has opened its first library, and refuses them afterwards.
  if (koffi.config().async_stack_size !== stackBytes) {
    // Stacks are kept for later calls, in memory that an enclave has little of: one is enough.
    koffi.config({ async_stack_size: stackBytes, resident_async_pools: 1 });
  }
  return koffi;
}
