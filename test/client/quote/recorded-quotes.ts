import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  collateralSchema,
  type Collateral,
  type TrustOptions,
} from "../../../client/quote/collateral.js";
import { intelRoot } from "../../../client/quote/intel-root.js";
import { projectFolder } from "../../docs/markdown.js";

export interface RecordedQuote {
  quote: Uint8Array;
  collateral: Collateral;
}

/** A quote from real hardware (test/fixtures/quotes). */
export function recordedQuote(type: "sgx" | "tdx"): RecordedQuote {
  const file = join(projectFolder, `test/fixtures/quotes/${type}_quote`);
  const json: unknown = JSON.parse(readFileSync(`${file}_collateral.json`, "utf8"));
  return {
    quote: new Uint8Array(readFileSync(file)),
    collateral: collateralSchema.parse(json),
  };
}

/** When the recorded collateral was current. */
export const trust: TrustOptions = {
  roots: [intelRoot],
  now: new Date("2025-06-20T00:00:00Z"),
};
