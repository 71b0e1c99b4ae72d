/** What of JavaScript's WebAssembly interface is used here; TypeScript has it among the browsers' types alone. */
declare namespace WebAssembly {
  interface Module {
    readonly [Symbol.toStringTag]: string;
  }
  const Module: new (bytes: Uint8Array) => Module;
  class Memory {
    readonly buffer: ArrayBuffer;
    /** @returns the size before, in pages of 65,536 bytes */
    grow(pages: number): number;
  }
  class Instance {
    constructor(module: Module);
    readonly exports: Readonly<Record<string, unknown>>;
  }
}
