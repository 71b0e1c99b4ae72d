import { Random } from "../scripts/random.js";
import { describeCause } from "../src/errors.js";
import { mutate } from "./mutate.js";
import type { Finding, Prepared, Target } from "./target.js";

/** The resources that this process has used so far. */
export interface Usage {
  cpuMs: number;
  /** Peak resident memory. */
  peakBytes: number;
}

export function processUsage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuMs: (userCPUTime + systemCPUTime) / 1000, peakBytes: maxRSS * 1024 };
}

/** Limits for one input. */
export interface Limits {
  cpuMs: number;
  /** The most by which the process's peak memory may grow. */
  growthBytes: number;
}

export const defaultLimits: Limits = { cpuMs: 250, growthBytes: 256 * 2 ** 20 };

export interface SessionOptions {
  target: Target;
  prepared: Prepared;
  /** Kept inputs, which are tried first, after the seeds. */
  corpus: readonly Uint8Array[];
  /** The same seed gives the same inputs, as long as the outcomes are the same. */
  seed: string;
  limits: Limits;
  usage?: () => Usage;
  /** Called before each input is tried. */
  onInput?: (input: Uint8Array) => void;
}

/** The most bytes of all inputs that are mutated further. */
const mostPoolBytes = 16 * 2 ** 20;
const longestOutcome = 300;
const marginBytes = 16;
const marginByte = 0x41;
/** A slow input is tried this often, because the first run of code takes longer. */
const tries = 3;

/** Tries a target's seeds and corpus, and then any number of mutations of them. */
export class Session {
  readonly #options: SessionOptions;
  readonly #usage: () => Usage;
  readonly #random: Random;
  readonly #waiting: Uint8Array[];
  readonly #pool: Uint8Array[] = [];
  readonly #outcomes = new Set<string>();
  #poolBytes = 0;
  inputs = 0;
  longestMs = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#usage = options.usage ?? processUsage;
    this.#random = new Random(options.seed);
    this.#waiting = [...options.prepared.seeds, ...options.corpus].reverse();
  }

  /** The number of different outcomes so far. */
  get outcomes(): number {
    return this.#outcomes.size;
  }

  /** Tries the next input. @returns a finding where it fails */
  async step(): Promise<Finding | undefined> {
    const kept = this.#waiting.pop();
    if (kept !== undefined) {
      this.#keep(kept);
      return this.trialRun(kept);
    }
    const { mutation: kind, maxBytes, dictionary = [] } = this.#options.target;
    const [base, other] = [this.#any(), this.#any()];
    return this.trialRun(mutate(base, { kind, random: this.#random, other, maxBytes, dictionary }));
  }

  async trialRun(input: Uint8Array): Promise<Finding | undefined> {
    const { limits, onInput } = this.#options;
    onInput?.(input);
    this.inputs += 1;
    let leastMs = Infinity;
    for (let attempt = 0; attempt < tries; attempt += 1) {
      const before = this.#usage();
      const problem = await this.#check(input);
      const after = this.#usage();
      if (problem !== undefined) return { input, problem };
      const growth = after.peakBytes - before.peakBytes;
      if (growth > limits.growthBytes) {
        return { input, problem: `took ${Math.round(growth / 2 ** 20)} MiB of memory` };
      }
      leastMs = Math.min(leastMs, after.cpuMs - before.cpuMs);
      if (leastMs <= limits.cpuMs) break;
    }
    this.longestMs = Math.max(this.longestMs, leastMs);
    if (leastMs <= limits.cpuMs) return undefined;
    return { input, problem: `took ${Math.round(leastMs)} ms of CPU time` };
  }

  /** @returns what is wrong; undefined where all checks pass */
  async #check(input: Uint8Array): Promise<string | undefined> {
    // The input is a view into a larger buffer, as parts of uploads are.
    const room = Buffer.alloc(input.length + 2 * marginBytes, marginByte);
    room.set(input, marginBytes);
    const expected = Buffer.from(room);
    try {
      const view = room.subarray(marginBytes, marginBytes + input.length);
      const outcome = await this.#options.prepared.check(view);
      if (!room.equals(expected)) return "the input was written to";
      const kind = outcome.slice(0, longestOutcome).replace(/\d+/gu, "0");
      if (!this.#outcomes.has(kind)) {
        this.#outcomes.add(kind);
        this.#keep(input);
      }
      return undefined;
    } catch (error) {
      const stack =
        typeof error === "object" && error !== null && "stack" in error ? error.stack : "";
      const at = String(stack)
        .split("\n")
        .find((line) => /\/(?:src|fuzz)\//u.test(line));
      return `${describeCause(error)}${at === undefined ? "" : ` (${at.trim()})`}`;
    }
  }

  #keep(input: Uint8Array): void {
    if (this.#poolBytes + input.length > mostPoolBytes) return;
    this.#poolBytes += input.length;
    this.#pool.push(input);
  }

  #any(): Uint8Array {
    return this.#pool[this.#random.integer(0, this.#pool.length - 1)] ?? new Uint8Array();
  }
}
