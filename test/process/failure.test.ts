import { describe, expect, test } from "@jest/globals";
import { describeBug, framesOf, kindOf } from "../../src/process/failure.js";

const secret = "hunter2";

function readError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe("an uncaught error", () => {
  const errors: [unknown, string][] = [
    [new RangeError(secret), "RangeError"],
    [Object.assign(new Error(secret), { code: "EPIPE" }), "Error EPIPE"],
    [
      Object.assign(new Error(secret), { code: "ERR_STREAM_DESTROYED" }),
      "Error ERR_STREAM_DESTROYED",
    ],
    [Object.assign(new Error(secret), { code: secret }), "Error"],
    [Object.assign(new Error(secret), { code: `ERR_${secret}` }), "Error"],
    [Object.assign(new Error(secret), { name: `${secret} ${secret}` }), "Error"],
    [secret, "a thrown string"],
    [{ message: secret }, "a thrown object"],
    [null, "a thrown null"],
    [
      new Proxy(new Error(secret), {
        getPrototypeOf: () => {
          throw new Error(secret);
        },
      }),
      "a thrown object",
    ],
    [
      Object.defineProperty(new Error(secret), "name", {
        get: () => {
          throw new Error(secret);
        },
      }),
      "an error that cannot be described",
    ],
  ];

  test.each(errors)("is described without its message (%#)", (error, kind) => {
    expect(kindOf(error)).toBe(kind);
    expect(describeBug(error)).not.toContain(secret);
  });

  test("has the frames of its stack, and none that its message imitates", () => {
    const error = new Error(`an answer\n    at ${secret} (${secret}:1:1)`);
    const frames = framesOf(error);
    expect(frames.length).toBeGreaterThan(0);
    expect(frames[0]).toContain("failure.test");
    expect(frames.join("\n")).not.toContain(secret);
  });

  test("has its frames if Node created it", () => {
    const error = readError(() => Buffer.alloc(-1));
    expect(kindOf(error)).toBe("RangeError ERR_OUT_OF_RANGE");
    expect(framesOf(error).join("\n")).toContain("failure.test");
  });

  test("has no frames if its message was changed after its creation", () => {
    const error = new Error(`an answer\n    at ${secret} (${secret}:1:1)`);
    // Node writes the message into the stack when the error is created.
    const { stack } = error;
    Object.defineProperty(error, "stack", { value: stack });
    error.message = "Error";
    expect(framesOf(error)).toEqual([]);
  });
});
