import { expect, test } from "@jest/globals";
import { verifyCollateral } from "../../../client/quote/collateral.js";
import { verifyQuote } from "../../../client/quote/verify-quote.js";
import { VerificationError } from "../../../client/verification-error.js";
import { recordedQuote, trust, withRecordedQuotes } from "./recorded-quotes.js";

/** `make tamper` changes every byte; `make test` samples, since all of them take minutes. */
const everyByte = process.env["TAMPER"] === "all";
const stride = (sampled: number): number => (everyByte ? 1 : sampled);

/** @returns whether it was refused; a crash is a failure */
async function isRefused(verify: Promise<unknown>): Promise<boolean> {
  try {
    await verify;
    return false;
  } catch (error) {
    if (error instanceof VerificationError) return true;
    throw error;
  }
}

for (const type of ["sgx", "tdx"] as const) {
  withRecordedQuotes(`a ${type} quote from real hardware`, () => {
    const { quote, collateral } = recordedQuote(type);

    test.each([0x01, 0x80])(
      "is refused with a byte changed by %d, at any place",
      async (change) => {
        const verified = await verifyCollateral(collateral, trust);
        const accepted: number[] = [];
        for (let at = change % 3; at < quote.length; at += stride(13)) {
          const changed = quote.slice();
          changed[at] = (changed[at] ?? 0) ^ change;
          if (!(await isRefused(verifyQuote(changed, verified, trust)))) accepted.push(at);
        }
        expect(accepted).toEqual([]);
      },
    );

    test.each(Object.keys(collateral) as (keyof typeof collateral)[])(
      "is refused with a character of %s changed",
      async (name) => {
        const text = collateral[name];
        const accepted: number[] = [];
        for (let at = 0; at < text.length; at += stride(41)) {
          const character = String.fromCharCode(text.charCodeAt(at) ^ 1);
          const changed = text.slice(0, at) + character + text.slice(at + 1);
          if (!(await isRefused(verifyCollateral({ ...collateral, [name]: changed }, trust)))) {
            accepted.push(at);
          }
        }
        expect(accepted).toEqual([]);
      },
      600_000,
    );

    test.each(Object.keys(collateral))(
      "is refused where %s is missing or no text",
      async (name) => {
        for (const value of [undefined, null, 1, "", {}]) {
          expect(await isRefused(verifyCollateral({ ...collateral, [name]: value }, trust))).toBe(
            true,
          );
        }
      },
    );
  });
}
