import * as z from "zod";

/** Statuses of a TCB level (Intel's API for TCB info, version 4). */
export const tcbStatuses = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "Revoked",
] as const;
export type TcbStatus = (typeof tcbStatuses)[number];

export interface TcbResult {
  status: TcbStatus;
  /** Intel's security advisories, such as `INTEL-SA-00615`. */
  advisories: readonly string[];
}

const hexBytes = (length: number): z.ZodString =>
  z.string().regex(new RegExp(`^[0-9a-fA-F]{${length * 2}}$`, "u"));
const result = { tcbStatus: z.enum(tcbStatuses), advisoryIDs: z.array(z.string()).default([]) };
const svn = z.int().min(0).max(255);
const components = z.array(z.object({ svn })).length(16);
const dated = {
  issueDate: z.iso.datetime().transform((text) => new Date(text)),
  nextUpdate: z.iso.datetime().transform((text) => new Date(text)),
  tcbEvaluationDataNumber: z.int().min(0),
};
const isvLevels = z.array(z.object({ tcb: z.object({ isvsvn: z.int().min(0) }), ...result }));
const tdxModule = { mrsigner: hexBytes(48), attributes: hexBytes(8), attributesMask: hexBytes(8) };

/** The TCB information of one family of processors (Intel's API, version 4: TCB info of version 3). */
export const tcbInfoSchema = z.object({
  id: z.enum(["SGX", "TDX"]),
  version: z.literal(3),
  ...dated,
  fmspc: hexBytes(6),
  pceId: hexBytes(2),
  tcbType: z.literal(0),
  tdxModule: z.object(tdxModule).optional(),
  tdxModuleIdentities: z
    .array(z.object({ id: z.string(), ...tdxModule, tcbLevels: isvLevels }))
    .optional(),
  tcbLevels: z.array(
    z.object({
      tcb: z.object({
        sgxtcbcomponents: components,
        pcesvn: z.int().min(0),
        tdxtcbcomponents: components.optional(),
      }),
      ...result,
    }),
  ),
});
export type TcbInfo = z.infer<typeof tcbInfoSchema>;

/** What is Intel's quoting enclave (Intel's API, version 4: enclave identity of version 2). */
export const qeIdentitySchema = z.object({
  id: z.enum(["QE", "TD_QE"]),
  version: z.literal(2),
  ...dated,
  miscselect: hexBytes(4),
  miscselectMask: hexBytes(4),
  attributes: hexBytes(16),
  attributesMask: hexBytes(16),
  mrsigner: hexBytes(32),
  isvprodid: z.int().min(0),
  tcbLevels: isvLevels,
});
export type QeIdentity = z.infer<typeof qeIdentitySchema>;

/** Intel lists levels from the newest to the oldest: the first that is reached is the one. */
export function isvLevel(
  levels: QeIdentity["tcbLevels"],
  securityVersion: number,
): TcbResult | undefined {
  const level = levels.find(({ tcb }) => securityVersion >= tcb.isvsvn);
  return level && { status: level.tcbStatus, advisories: level.advisoryIDs };
}

/** Whether each security version is as high as a level's. @param from the first one that counts */
export function reaches(
  found: readonly number[],
  level: readonly { svn: number }[] | undefined,
  from = 0,
): boolean {
  return (
    level?.every((component, index) => index < from || (found[index] ?? -1) >= component.svn) ??
    false
  );
}

/**
 * The status of a platform whose quoting enclave or TDX module has a status of its own (Intel's QVL: convergeTcbStatus): one
 * that is out of date makes the platform out of date, a revoked one revokes it.
 */
export function converge(platform: TcbResult, part: TcbResult): TcbResult {
  const advisories = [...new Set([...platform.advisories, ...part.advisories])].sort();
  return { status: convergeStatus(platform.status, part.status), advisories };
}

function convergeStatus(platform: TcbStatus, part: TcbStatus): TcbStatus {
  if (platform === "Revoked" || part === "Revoked") return "Revoked";
  if (part === "UpToDate") return platform;
  const needsConfiguration = [platform, part].some((status) => status.includes("Configuration"));
  const isOld = [platform, part].some((status) => status.startsWith("OutOfDate"));
  const needsHardening = [platform, part].some((status) => status.includes("SWHardening"));
  if (isOld) return needsConfiguration ? "OutOfDateConfigurationNeeded" : "OutOfDate";
  if (needsConfiguration)
    return needsHardening ? "ConfigurationAndSWHardeningNeeded" : "ConfigurationNeeded";
  return "SWHardeningNeeded";
}
