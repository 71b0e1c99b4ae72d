import { RefusedError } from "../errors.js";

/**
 * MODEL_INVALID: the decrypted model cannot be served.
 *
 * @param fix what the operator or the model owner has to do, as a sentence without its full stop
 */
export function modelInvalid(
  expected: string,
  got: string,
  fix: string,
  cause?: unknown,
): RefusedError {
  const doing = "loading the model";
  return new RefusedError("MODEL_INVALID", { doing, expected, got, fix }, { cause });
}
