import { createCipheriv, randomBytes } from "node:crypto";
import { describeCause } from "../../src/errors.js";
import { quote } from "../../client/policy/wording.js";
import type { OwnersVault } from "./vault.js";

/** After this time the remaining keys are not compared. */
const comparisonMs = 20_000;

/**
 * Finds other keys of the vault, former versions included, that have the same bytes. The vault does not reveal bytes but
 * encrypts with them, so equal keys are recognised by equal ciphertext. A server refuses such a pair (`KEY_REUSED`).
 *
 * @param bytes 32 bytes
 * @returns warnings, also about keys that could not be compared. Never throws: the import does not depend on the result.
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
  const end = performance.now() + comparisonMs;
  try {
    for await (const other of vault.versions()) {
      if (other.name.toLowerCase() === name.toLowerCase()) continue;
      if (performance.now() > end) {
        unknown.push(
          `not all keys of the vault were compared with this one in ${comparisonMs / 1000} s`,
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

/** One warning instead of many alike. */
function summary([first, ...others]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [others.length === 0 ? first : `${first}, and ${others.length} more`];
}
