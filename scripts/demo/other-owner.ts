/** The second data owner of `make serve OWNERS=2`: a key, a vault, a tenant and an attestation service of its own. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hosts } from "../../emulator/hosts.js";
import { createTransport } from "../../src/net/transport.js";
import type { EmulatorProcess } from "./emulator.js";
import { importKey, ownersKey, releasePolicy } from "./owners.js";

export const otherKeyName = "other.key";

export interface OtherOwnerOptions {
  /** The folder of the deployment's files. */
  folder: string;
  keysFolder: string;
  emulator: EmulatorProcess;
  /** The measurement of the server's code, for the release policy. */
  measurement: string;
  say: (who: string, line: string) => void;
}

export interface OtherOwner {
  /** The entry of `Secret` in the server's configuration, without `LocalPath` and the version of the vault's API. */
  secret: { ID: string; SrsAddress: string; Tenant: string; AttestationEndpoint: string };
  policyFile: string;
  /** For a shell: the owner's login, and the options that reach the emulator. */
  environmentFile: string;
}

/** Creates the second data owner's key and imports it into its vault. */
export async function prepareOtherOwner(options: OtherOwnerOptions): Promise<OtherOwner> {
  const { folder, keysFolder, emulator, measurement, say } = options;
  const { tenantId, owners } = emulator.otherTenant;
  const secret = {
    ID: "OtherSealKey",
    SrsAddress: `https://${hosts.otherManagedHsm}`,
    Tenant: tenantId,
    AttestationEndpoint: `https://${hosts.otherAttestation}`,
  };
  const key = await ownersKey(join(keysFolder, otherKeyName));
  const policy = releasePolicy(secret.AttestationEndpoint, measurement);
  const { agent } = createTransport({ ca: emulator.ca, connect: `127.0.0.1:${emulator.port}` });
  try {
    await importKey({ url: secret.SrsAddress, tenantId, ...owners, agent }, secret.ID, key, policy);
  } finally {
    agent.destroy();
  }
  say(
    "other owner",
    `imported ${secret.ID}, to be released to code ${measurement.slice(0, 16)}… alone`,
  );
  const files = await writeOwnerFiles(folder, "other", {
    emulator,
    tenant: emulator.otherTenant,
    policy,
  });
  return { secret, ...files };
}

/**
 * Writes what an owner's own commands need: `PREFIX-policy.json` and, for a shell, `PREFIX-owner.env`.
 *
 * @param prefix undefined for the first data owner, whose files are policy.json and owner.env
 */
export async function writeOwnerFiles(
  folder: string,
  prefix: string | undefined,
  {
    emulator,
    tenant,
    policy,
  }: { emulator: EmulatorProcess; tenant: EmulatorProcess["tenant"]; policy: object },
): Promise<{ environmentFile: string; policyFile: string }> {
  const path = (name: string): string =>
    join(folder, prefix === undefined ? name : `${prefix}-${name}`);
  const policyFile = path("policy.json");
  await writeFile(policyFile, `${JSON.stringify(policy, null, 2)}\n`);
  const environmentFile = path("owner.env");
  const lines = [
    `AZURE_TENANT_ID=${tenant.tenantId}`,
    `AZURE_CLIENT_ID=${tenant.owners.clientId}`,
    `AZURE_CLIENT_SECRET=${tenant.owners.clientSecret}`,
    `STAND_IN='--ca-file ${emulator.caFile} --connect 127.0.0.1:${emulator.port}'`,
    "",
  ];
  await writeFile(environmentFile, lines.join("\n"), { mode: 0o600 });
  return { environmentFile, policyFile };
}
