import { sgxClaims } from "./sgx-claims.js";

/** 64 lower-case hex digits. */
type Measurement = string;

/** Code named by what it is. */
export interface NamedCode {
  /** Any one of them. */
  mrenclaves: readonly [Measurement, ...Measurement[]];
  mrsigner: Measurement | undefined;
  productId: number | undefined;
  minSvn: number | undefined;
}

/** Whatever somebody signs, from a version on. */
export interface SignedCode {
  mrenclaves: readonly [];
  mrsigner: Measurement;
  productId: number;
  minSvn: number;
}

export type TrustedCode = NamedCode | SignedCode;

export interface PolicyOptions {
  /** The attestation service's URL, as its tokens' `iss` has it. */
  authority: string;
  code: TrustedCode;
  allowDebug: boolean;
}

interface ConditionJson {
  claim: string;
  equals?: string | number;
  greaterOrEquals?: number;
}

interface PolicyJson {
  version: "1.0.0";
  anyOf: { authority: string; allOf: ConditionJson[] }[];
}

/**
 * A release policy as Azure reads it. Several measurements become a branch each: the grammar allows to
 * nest `anyOf` in `allOf`, but some of Azure's own pages say that it cannot be done.
 */
export function buildPolicy({ authority, code, allowDebug }: PolicyOptions): PolicyJson {
  const { mrenclaves, mrsigner, productId, minSvn } = code;
  const branch = (mrenclave: Measurement | undefined): PolicyJson["anyOf"][number] => ({
    authority,
    allOf: [
      { claim: sgxClaims.attestationType, equals: "sgx" },
      ...(mrenclave === undefined ? [] : [{ claim: sgxClaims.mrenclave, equals: mrenclave }]),
      ...(mrsigner === undefined ? [] : [{ claim: sgxClaims.mrsigner, equals: mrsigner }]),
      ...(productId === undefined ? [] : [{ claim: sgxClaims.productId, equals: productId }]),
      ...(minSvn === undefined
        ? []
        : [{ claim: sgxClaims.securityVersion, greaterOrEquals: minSvn }]),
      ...(allowDebug ? [] : [{ claim: sgxClaims.isDebuggable, equals: "false" }]),
    ],
  });
  const measurements = mrenclaves.length === 0 ? [undefined] : mrenclaves;
  return { version: "1.0.0", anyOf: measurements.map(branch) };
}
