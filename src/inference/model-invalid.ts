import { RefusedError } from "../errors.js";

/**
 * Creates the error MODEL_INVALID: the decrypted model cannot be served.
 *
 * @param expected noun phrase; completes "expected …"
 * @param got noun phrase; completes "got …"
 * @param fix what the operator or the model owner has to do, as a sentence without its full stop
 * @param cause the underlying error, if any
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
