import { fromHex, toHex } from "../encoding.js";
import { VerificationError } from "../verification-error.js";
import type { TdReport } from "./parse-quote.js";
import { isvLevel, type TcbInfo, type TcbResult } from "./tcb.js";

/**
 * Compares the TDX module of a report with Intel's TCB information, and looks up the status of its version (Intel's Quote
 * Verification Library: TDX module identities are named `TDX_` and the version in two hexadecimal digits).
 *
 * @throws VerificationError QUOTING_ENCLAVE_REFUSED, TCB_UNKNOWN
 */
export function tdxModuleLevel(
  { teeTcbSvn, mrSignerSeam, seamAttributes }: TdReport,
  { tdxModule, tdxModuleIdentities = [] }: TcbInfo,
): TcbResult {
  const [securityVersion = 0, version = 0] = teeTcbSvn;
  const id = `TDX_${toHex(Uint8Array.of(version))}`;
  const identity = tdxModuleIdentities.find((each) => each.id.toLowerCase() === id.toLowerCase());
  const wanted = version === 0 ? tdxModule : identity;
  const mask = fromHex(wanted?.attributesMask ?? "") ?? new Uint8Array();
  const attributes = seamAttributes.map((byte, index) => byte & (mask[index] ?? 0xff));
  if (
    wanted === undefined ||
    toHex(mrSignerSeam) !== wanted.mrsigner.toLowerCase() ||
    toHex(attributes) !== wanted.attributes.toLowerCase()
  ) {
    throw new VerificationError(
      "QUOTING_ENCLAVE_REFUSED",
      "the TDX module is none that Intel's TCB information describes",
    );
  }
  if (version === 0) return { status: "UpToDate", advisories: [] };
  const level = isvLevel(identity?.tcbLevels ?? [], securityVersion);
  if (level !== undefined) return level;
  throw new VerificationError(
    "TCB_UNKNOWN",
    "the TDX module is older than all versions that Intel lists",
  );
}
