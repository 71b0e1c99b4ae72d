import assert from "node:assert/strict";
import { isNativeError } from "node:util/types";
import { ConfmlError } from "../src/errors.js";

/** What a parser returned, or the documented error that it threw. */
export type Attempt<Value> = { value: Value } | { refusal: Error };

/** The most characters of an error's message. */
const longestMessage = 2000;

/**
 * Runs a parser that may refuse its input.
 *
 * @param isDocumented whether an error is one of those that the parser's documentation names
 * @throws the parser's error where it is not documented; an assertion where its message is empty, has several lines or is
 *   too long
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

/** Whether an error is an Error and not a subclass: TypeErrors and RangeErrors come from code that did not expect its input. */
export function isPlainError(error: Error): boolean {
  return error.name === "Error";
}

/** Whether an error is a RangeError that a parser throws itself, and not one of the JavaScript engine. */
export function isOwnRangeError(error: Error): boolean {
  return (
    error instanceof RangeError &&
    !/call stack|Invalid (?:array|typed array|string) length/u.test(error.message)
  );
}

/** @returns a test for ConfmlErrors with one of these codes */
export function hasCode(...codes: readonly string[]): (error: Error) => boolean {
  return (error) => error instanceof ConfmlError && codes.some((code) => code === error.code);
}

/** A short text for an outcome. @param describe called for a value */
export function outcomeOf(result: Attempt<unknown>, describe: () => string): string {
  return "refusal" in result ? result.refusal.message : describe();
}
