import { TestEnvironment } from "jest-environment-node";

const typedArrays = [
  ArrayBuffer,
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
];

/**
 * Jest gives each test file its own globals; ONNX Runtime's native part compares constructors with
 * those of the outer realm and refuses tensors made inside it. So the outer ones are used.
 */
export default class extends TestEnvironment {
  async setup() {
    await super.setup();
    for (const constructor of typedArrays) this.global[constructor.name] = constructor;
  }
}
