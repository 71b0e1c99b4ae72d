/**
 * The stack of an asynchronous call, as large as Linux's default for a main thread. koffi's default is 128 KiB: a
 * library that needs more would crash the process.
 */
const stackBytes = 8 * 1024 * 1024;

/**
 * Loads koffi and sets its options. It is loaded on demand, so that everything else works on a platform for which koffi
 * has no binary.
 *
 * @throws Error if koffi cannot be loaded, or has opened a library before with other settings
 */
export async function loadKoffi() {
  const { default: koffi } = await import("koffi");
  // koffi refuses settings after it has opened its first library.
  if (koffi.config().async_stack_size !== stackBytes) {
    // koffi keeps this many stacks for later calls. One, because an enclave has little memory.
    koffi.config({ async_stack_size: stackBytes, resident_async_pools: 1 });
  }
  return koffi;
}
