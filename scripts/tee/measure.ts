/**
 * `make measure`: what owners put in their release policies, computed from what unsigned.js has built. It prints
 * MRSIGNER if SSR_PKEY or SIGNER (a public key's PEM file) is set, and MRENCLAVE if Mystikos is installed.
 */
import { createPublicKey } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { readUnsigned, type Unsigned } from "./build.js";
import { signEnclave } from "./enclave.js";
import { exitCodes, exitWith, CommandFailure } from "../exit.js";
import { inspectMachine } from "./mystikos.js";
import { projectFolder } from "../project.js";
import { appFolder, measureFolder } from "./places.js";
import { readReleaseConfig } from "./release-config.js";
import { takeSecret } from "./secrets.js";
import { mrSigner, readSigningKey, throwawayKey } from "./signing-key.js";

async function main(): Promise<number> {
  const signer = await readSigner();
  const given = resolve(projectFolder, process.env["CONFIG"] || "config.json");
  const { productId, securityVersion } = await readReleaseConfig(given);
  const unsigned = await readUnsigned(measureFolder, given);
  const { rootHash } = unsigned;
  const files = (await readFile(`${appFolder}.sha256`, "utf8")).trim();
  const mrenclave = await measureEnclave(unsigned);
  await rm(measureFolder, { recursive: true });
  const rows = [
    ["files", files],
    ["root hash", rootHash],
    ["product ID", String(productId)],
    ["SVN", String(securityVersion)],
    ["debuggable", "no"],
    ["MRSIGNER", signer ?? "unknown: set SIGNER to the public key's PEM file, or SSR_PKEY"],
    ["MRENCLAVE", mrenclave ?? "unknown: myst computes it, and is not on PATH"],
  ] as const;
  console.log();
  for (const [name, value] of rows) console.log(`${name.padEnd(12)}${value}`);
  console.log(`
In a release policy:

  npx --no-install confml policy --authority https://NAME.REGION.attest.azure.net \\
    ${mrenclave === undefined ? "--mrenclave …" : `--mrenclave ${mrenclave}`} --min-svn ${securityVersion}`);
  return 0;
}

async function readSigner(): Promise<string | undefined> {
  const key = takeSecret("SSR_PKEY") ?? "";
  const file = process.env["SIGNER"] ?? "";
  if (file === "") return key === "" ? undefined : mrSigner(readSigningKey(key));
  try {
    return mrSigner(createPublicKey(await readFile(file)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(
      exitCodes.input,
      `SIGNER: expected a PEM public key in ${file}: ${reason}`,
    );
  }
}

/** Signs the enclave with a temporary key to measure it: the measurement does not depend on the signer. */
async function measureEnclave(unsigned: Unsigned): Promise<string | undefined> {
  const { myst } = inspectMachine(process.env);
  if (myst === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "confml-measure-"));
  try {
    const key = throwawayKey();
    return (await signEnclave({ ...unsigned, myst, folder, key })).mrenclave;
  } finally {
    await rm(folder, { recursive: true });
  }
}

await exitWith(main);
