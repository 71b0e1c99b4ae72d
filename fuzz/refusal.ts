import assert from "node:assert/strict";
import { isNativeError } from "node:util/types";
import { ConfmlError } from "../src/errors.js";

export type Attempt<Value> = { value: Value } | { refusal: Error };

/** What a message may be, whatever the input was. */
const longestMessage = 2000;

/**
 * Runs a parser that may refuse its input.
 *
 * @param isDocumented whether this is one of the errors that the parser says it throws
 * @throws the parser's error where it is not documented, or where its message has several lines or no end
 */
export async function attempt<Value>(
  action: () => Value | Promise<Value>,
  isDocumented: (error: Error) => boolean,
): Promise<Attempt<Value>> {
  try {
    return { value: await action() };
  } catch (error) {
    if (!isNativeError(error) || !isDocumented(error)) throw error;
    assert(error.message !== "", "an error without a message");
    assert(
      error.message.length <= longestMessage,
      `a message of ${error.message.length} characters`,
    );
    assert(!/[\n\r]/u.test(error.message), "a message of several lines");
    return { refusal: error };
  }
}

/** An Error and no subclass: TypeError, RangeError and the like come from code that did not expect its input. */
export function isPlainError(error: Error): boolean {
  return error.name === "Error";
}

/** RangeErrors that a parser throws itself; a full stack is one that it does not expect. */
export function isOwnRangeError(error: Error): boolean {
  return (
    error instanceof RangeError &&
    !/call stack|Invalid (?:array|typed array|string) length/u.test(error.message)
  );
}

export function hasCode(...codes: readonly string[]): (error: Error) => boolean {
  return (error) => error instanceof ConfmlError && codes.some((code) => code === error.code);
}

/** An outcome in a few words. */
export function outcomeOf(result: Attempt<unknown>, describe: () => string): string {
  return "refusal" in result ? result.refusal.message : describe();
}
