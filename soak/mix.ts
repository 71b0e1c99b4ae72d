import { Random } from "../scripts/random.js";
import { abandon, exchange, type Answered, type Asked, type Client } from "./exchange.js";

/** What came of one request. */
export interface Outcome {
  /** A status and a code, or what the client did. */
  what: string;
  /** Undefined where it is as it should be. */
  wrong?: string | undefined;
}

/** One kind of request. */
export interface Kind {
  name: string;
  /** How often, beside the others' weights. */
  weight: number;
  run: (client: Client, random: Random) => Promise<Outcome>;
}

/** docs/errors.md's 503, but for those that say that the server is ending. */
const busyCodes = ["OVERLOADED", "DECODE_TIMEOUT", "OUT_OF_MEMORY"];

/** What an answer that came is called. */
export function describeAnswer({ status, code }: Answered): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}

/**
 * A kind whose requests are answered.
 *
 * @param expected statuses and codes as `describeAnswer` says them; a documented 503 is none of the answer's fault
 * @param check what is wrong with an expected answer
 */
export function answered(
  name: string,
  weight: number,
  expected: readonly string[],
  make: (random: Random) => {
    asked: Asked;
    check?: (answer: Answered) => Promise<string | undefined>;
  },
): Kind {
  return {
    name,
    weight,
    run: async (client, random) => {
      const { asked, check } = make(random);
      let answer: Answered;
      try {
        answer = await exchange(client, asked);
      } catch (error) {
        const wrong = error instanceof Error ? error.message : String(error);
        return { what: "no answer", wrong };
      }
      const what = describeAnswer(answer);
      if (answer.status === 503 && busyCodes.includes(answer.code ?? "")) return { what };
      if (!expected.includes(what)) return { what, wrong: `expected ${expected.join(" or ")}` };
      return { what, wrong: await check?.(answer) };
    },
  };
}

/** A kind whose clients close the connection after some time. */
export function abandoned(
  name: string,
  weight: number,
  make: (random: Random) => { bytes: Uint8Array; afterMs: number; isReading: boolean },
): Kind {
  return {
    name,
    weight,
    run: async (client, random) => {
      const { bytes, ...how } = make(random);
      await abandon(client, bytes, how);
      return { what: "client disconnected" };
    },
  };
}

/** @returns one of the kinds, by weight */
export function pickKind(kinds: readonly Kind[], random: Random): Kind {
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.next() * total;
  for (const kind of kinds) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  throw new Error("no kind of request");
}

export function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[Math.floor(random.next() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}
