import { RefusedError } from "../errors.js";

/** What came under the decryption cannot be served. */
export function modelInvalid(
  expected: string,
  got: string,
  fix: string,
  cause?: unknown,
): RefusedError {
  const doing = "loading the model";
  return new RefusedError("MODEL_INVALID", { doing, expected, got, fix }, { cause });
}
