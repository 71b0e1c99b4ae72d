import {
  fromProvisioningService,
  intelService,
} from "../../client/collateral/provisioning-service.js";
import type { CollateralSource } from "../../client/attestation/verify-server.js";
import { parseClientPolicy, type ClientPolicy } from "../../client/policy/client-policy.js";
import type { TrustedRoot } from "../../client/quote/certificate-chain.js";
import { intelRoot } from "../../client/quote/intel-root.js";
import { readPemChain } from "../../client/quote/pem.js";
import { maxTextBytes, nameOf, readInput } from "../io/input.js";
import { CommandError, UsageError } from "../usage.js";

/** @throws CommandError; VerificationError POLICY_INVALID */
export async function readClientPolicy(file: string): Promise<ClientPolicy> {
  return parseClientPolicy((await readInput(file, "--policy", maxTextBytes)).toString("utf8"));
}

/**
 * The roots of evidence: Intel's, and an emulator's where the command line gives it.
 *
 * @throws CommandError
 */
export async function readRoots(emulatorsRoot: string | undefined): Promise<TrustedRoot[]> {
  if (emulatorsRoot === undefined) return [intelRoot];
  const pem = (await readInput(emulatorsRoot, "--allow-emulated", maxTextBytes)).toString("latin1");
  const [certificate, ...others] = readPemChain(pem.trim()) ?? [];
  if (certificate === undefined || others.length > 0) {
    throw new CommandError(`${nameOf(emulatorsRoot)} is no certificate in PEM`, [
      "make serve writes the emulator's to .demo/sgx-root.pem",
    ]);
  }
  return [intelRoot, { certificate, emulated: true }];
}

/**
 * Where collateral comes from: `server` (its answer), `intel`, the https:// address of a PCCS, or a file.
 *
 * @throws UsageError, CommandError
 */
export async function readCollateralSource(text: string): Promise<CollateralSource | undefined> {
  if (text === "server") return undefined;
  if (text === "intel") return fromProvisioningService(intelService);
  if (/^https:\/\//u.test(text)) return fromProvisioningService(text);
  if (text.includes("://"))
    throw new UsageError("--collateral wants server, intel, https://… or a file");
  const json = (await readInput(text, "--collateral", maxTextBytes)).toString("utf8");
  try {
    const collateral: unknown = JSON.parse(json);
    return () => collateral;
  } catch (cause) {
    throw new CommandError(`${nameOf(text)} is no collateral (JSON)`, [], { cause });
  }
}
