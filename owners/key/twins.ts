import { createCipheriv, randomBytes } from "node:crypto";
import { describeCause } from "../../src/errors.js";
import { quote } from "../policy/wording.js";
import type { OwnersVault } from "./vault.js";

/** A vault with more keys than can be compared in this time is compared in part. */
const patienceMs = 20_000;

/**
 * Warns where other keys of the vault have the same bytes, their former versions included: the vault does not show
 * bytes, but encrypts, so that equal keys are known by equal ciphertext. A server refuses such a pair (`KEY_REUSED`).
 *
 * @param bytes 32 bytes
 * @returns warnings; also of keys that could not be compared. Never throws: the comparison is no condition of an import.
 */
export async function twinWarnings(
  vault: OwnersVault,
  name: string,
  bytes: Uint8Array,
): Promise<string[]> {
  const [iv, block] = [randomBytes(16), randomBytes(16)];
  const expected = createCipheriv("aes-256-cbc", bytes, iv).setAutoPadding(false).update(block);
  const twins = new Set<string>();
  const unknown: string[] = [];
  const end = performance.now() + patienceMs;
  try {
    for await (const other of vault.versions()) {
      if (other.name.toLowerCase() === name.toLowerCase()) continue;
      if (performance.now() > end) {
        unknown.push(
          `not all keys of the vault were compared with this one in ${patienceMs / 1000} s`,
        );
        break;
      }
      try {
        const got = await vault.encryptBlock(other, iv, block);
        if (got !== undefined && expected.equals(got)) twins.add(other.name);
      } catch (error) {
        unknown.push(
          `${quote(other.name)} was not compared with this key (${describeCause(error)})`,
        );
      }
    }
  } catch (error) {
    unknown.push(
      `the vault's other keys were not compared with this one (${describeCause(error)})`,
    );
  }
  const found = [...twins].map(
    (twin) =>
      `these are the bytes of ${quote(twin)} too: one key, one use. A server with both does not start (KEY_REUSED); ` +
      "make a new key with confml key create",
  );
  return [...found, ...summary(unknown)];
}

/** One line for many keys. */
function summary([first, ...others]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [others.length === 0 ? first : `${first}, and ${others.length} more`];
}
