import type { PolicyOptions, TrustedCode } from "./build.js";
import { httpsOrigin, required } from "../options.js";
import { UsageError } from "../usage.js";

/** The options that say which code is trusted. */
export const codeOptions = {
  mrenclave: { type: "string", multiple: true },
  mrsigner: { type: "string" },
  "product-id": { type: "string" },
  "min-svn": { type: "string" },
  "trust-signer": { type: "boolean" },
  "allow-debug": { type: "boolean" },
} as const;

/** The options of `confml policy`, which `confml key create` and `import` take as well. */
export const policyOptions = { authority: { type: "string" }, ...codeOptions } as const;

export interface PolicyValues {
  authority?: string | undefined;
  mrenclave?: string[] | undefined;
  mrsigner?: string | undefined;
  "product-id"?: string | undefined;
  "min-svn"?: string | undefined;
  "trust-signer"?: boolean | undefined;
  "allow-debug"?: boolean | undefined;
}

/** @throws UsageError, also for options that would trust more code than the owner has agreed to */
export function readPolicyOptions(values: PolicyValues): PolicyOptions {
  const authority = httpsOrigin(required(values.authority, "authority"), "authority");
  const code = readTrustedCode(values);
  return { authority, code, allowDebug: values["allow-debug"] === true };
}

/** @throws UsageError */
export function readTrustedCode(values: Omit<PolicyValues, "authority">): TrustedCode {
  const mrsigner = optional(values.mrsigner, (text) => measurement(text, "mrsigner"));
  const productId = optional(values["product-id"], (text) => uint16(text, "product-id"));
  const minSvn = optional(values["min-svn"], (text) => uint16(text, "min-svn"));
  const [first, ...others] = (values.mrenclave ?? []).map((text) => measurement(text, "mrenclave"));
  if (values["trust-signer"] !== true) {
    if (first === undefined) {
      throw new UsageError(
        "--mrenclave is missing: without it, whoever holds the signing key gets the key; if that is what you want, say --trust-signer",
      );
    }
    return { mrenclaves: [first, ...others], mrsigner, productId, minSvn };
  }
  if (first !== undefined) {
    throw new UsageError("--mrenclave names the code, --trust-signer trusts its signer: give one");
  }
  if (mrsigner === undefined || productId === undefined || minSvn === undefined) {
    throw new UsageError("--trust-signer needs --mrsigner, --product-id and --min-svn");
  }
  return { mrenclaves: [], mrsigner, productId, minSvn };
}

function optional<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}

function measurement(text: string, name: string): string {
  if (/^[0-9a-f]{64}$/iu.test(text)) return text.toLowerCase();
  throw new UsageError(`--${name} wants 64 hex digits`);
}

/** Product ids and versions are 16 bits wide in an SGX report. */
function uint16(text: string, name: string): number {
  if (/^(?:0|[1-9]\d{0,4})$/u.test(text) && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`--${name} wants a number from 0 to 65535`);
}
