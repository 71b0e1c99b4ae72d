import { sgxClaims } from "./sgx-claims.js";

/** 64 lower-case hex digits. */
type Measurement = string;

/** Code that is identified by its measurement. */
export interface NamedCode {
  /** The key is released to each of these measurements. */
  mrenclaves: readonly [Measurement, ...Measurement[]];
  mrsigner: Measurement | undefined;
  productId: number | undefined;
  minSvn: number | undefined;
}

/** Any code of one product that a signer signs, from a version on. */
export interface SignedCode {
  mrenclaves: readonly [];
  mrsigner: Measurement;
  productId: number;
  minSvn: number;
}

export type TrustedCode = NamedCode | SignedCode;

export interface PolicyOptions {
  /** The attestation service's URL, as in the claim `iss` of its tokens. */
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
 * Builds a release policy in Azure's grammar (learn.microsoft.com: policy-grammar). Each measurement gets a branch of its
 * own: the grammar allows `anyOf` inside `allOf`, but some pages of Azure's documentation deny it.
 */
export function buildPolicy({ authority, code, allowDebug }: PolicyOptions): PolicyJson {
  const anyOf = codeConditions(code, allowDebug).map((allOf) => ({ authority, allOf }));
  return { version: "1.0.0", anyOf };
}

/** The conditions on the code: a list for each measurement, or one for a signer. */
export function codeConditions(code: TrustedCode, allowDebug: boolean): ConditionJson[][] {
  const { mrenclaves, mrsigner, productId, minSvn } = code;
  const branch = (mrenclave: Measurement | undefined): ConditionJson[] => [
    { claim: sgxClaims.attestationType, equals: "sgx" },
    ...(mrenclave === undefined ? [] : [{ claim: sgxClaims.mrenclave, equals: mrenclave }]),
    ...(mrsigner === undefined ? [] : [{ claim: sgxClaims.mrsigner, equals: mrsigner }]),
    ...(productId === undefined ? [] : [{ claim: sgxClaims.productId, equals: productId }]),
    ...(minSvn === undefined
      ? []
      : [{ claim: sgxClaims.securityVersion, greaterOrEquals: minSvn }]),
    ...(allowDebug ? [] : [{ claim: sgxClaims.isDebuggable, equals: "false" }]),
  ];
  return mrenclaves.length === 0 ? [branch(undefined)] : mrenclaves.map(branch);
}
