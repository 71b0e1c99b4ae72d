import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "@jest/globals";
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

const folder = join(projectFolder, "../shared/evidence");
const isThere = existsSync(join(folder, "sgx_quote"));
if (!isThere) process.stderr.write("skipped: tests of recorded quotes need ../shared/evidence\n");

/** `describe` for tests that need quotes from real hardware: `body` is not run without them. */
export function withRecordedQuotes(name: string, body: () => void): void {
  if (isThere) describe(name, body);
  else test.skip(`${name} (needs ../shared/evidence)`, () => undefined);
}

const none: Collateral = {
  ...{ pck_crl_issuer_chain: "", root_ca_crl: "", pck_crl: "" },
  ...{ tcb_info_issuer_chain: "", tcb_info: "", tcb_info_signature: "" },
  ...{ qe_identity_issuer_chain: "", qe_identity: "", qe_identity_signature: "" },
};

/** @returns a quote from real hardware and its collateral; both empty where there is none, for tests that are skipped */
export function recordedQuote(type: "sgx" | "tdx"): RecordedQuote {
  if (!isThere) return { quote: new Uint8Array(), collateral: none };
  const file = join(folder, `${type}_quote`);
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
