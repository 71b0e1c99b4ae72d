import type { KeyObject } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, show } from "./command.js";
import { exitCodes, CommandFailure } from "../exit.js";
import { withKeyFile } from "./key-file.js";

/** The fields of an enclave's signature (SGX's SIGSTRUCT) that its evidence contains as well. */
export interface Identity {
  mrenclave: string;
  mrsigner: string;
  productId: number;
  securityVersion: number;
  debug: boolean;
}

export interface SignOptions {
  myst: string;
  /** The folder to write `myst/bin/node` to. */
  folder: string;
  configFile: string;
  /** 64 hex digits: the root hash of the only image that the enclave mounts. */
  rootHash: string;
  key: KeyObject;
}

/**
 * Makes and signs an enclave with Mystikos.
 *
 * @returns the identity in its signature
 * @throws CommandFailure if Mystikos fails
 */
export async function signEnclave(options: SignOptions): Promise<Identity> {
  const { myst, folder, configFile, rootHash, key } = options;
  await mkdir(folder, { recursive: true });
  const rootHashFile = join(folder, "roothash");
  await writeFile(rootHashFile, `${rootHash}\n`);
  await withKeyFile(key, async (keyFile) => {
    const words = ["package-sgx", `--roothash=${rootHashFile}`, keyFile, configFile];
    await show(myst, words, { cwd: folder });
  });
  const dump = await ask(myst, ["dump-sgx", join(folder, "myst/bin/node")], { cwd: folder });
  return parseIdentity(dump);
}

/**
 * Reads the output of `myst dump-sgx`.
 *
 * @param dump lines NAME=VALUE, then the configuration
 * @throws CommandFailure if a field is missing or malformed
 */
export function parseIdentity(dump: string): Identity {
  const [properties = ""] = dump.split("Package configuration:");
  const field = (name: string, pattern: RegExp): string => {
    const value = new RegExp(`^${name}=(.*)$`, "mu").exec(properties)?.[1]?.trim() ?? "";
    if (pattern.test(value)) return value;
    throw new CommandFailure(
      exitCodes.software,
      `myst dump-sgx: expected ${name}=…; got "${value}"`,
    );
  };
  const hash = /^[0-9a-f]{64}$/u;
  const number = /^\d{1,5}$/u;
  return {
    mrenclave: field("mrenclave", hash),
    mrsigner: field("mrsigner", hash),
    productId: Number(field("product_id", number)),
    securityVersion: Number(field("security_version", number)),
    debug: field("debug", /^[01]$/u) === "1",
  };
}

/** @returns a line for each field of a signature that differs from the wanted one; the measurement is not compared */
export function differencesFrom(
  wanted: Omit<Identity, "mrenclave">,
  signed: Omit<Identity, "mrenclave">,
): string[] {
  return (["mrsigner", "productId", "securityVersion", "debug"] as const)
    .filter((name) => signed[name] !== wanted[name])
    .map((name) => `${name}: expected ${wanted[name]}; got ${signed[name]}`);
}
