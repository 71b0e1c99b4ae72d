import { Random } from "../scripts/random.js";
import { abandon, exchange, type Answered, type Asked, type Client } from "./exchange.js";

/** The outcome of one request. */
export interface Outcome {
  /** Status and error code, or what the client did. */
  what: string;
  /** What is wrong with it; undefined where it is as expected. */
  wrong?: string | undefined;
}

/** One kind of request. */
export interface Kind {
  name: string;
  /** Its share of all requests is this divided by the sum of all weights. */
  weight: number;
  run: (client: Client, random: Random) => Promise<Outcome>;
}

/** Error codes of an overloaded server (docs/errors.md, status 503). */
const busyCodes = ["OVERLOADED", "DECODE_TIMEOUT", "OUT_OF_MEMORY"];

/** Status and error code of an answer: `200`, `413 IMAGE_TOO_LARGE`. */
export function describeAnswer({ status, code }: Answered): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}

/**
 * A kind of request that gets an answer.
 *
 * @param expected statuses and codes as `describeAnswer` writes them; those of an overloaded server are always allowed
 * @param make creates a request and, optionally, a check that returns what is wrong with an expected answer
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

/** A kind of request whose client closes the connection after some time. */
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

/** Picks a kind at random, by weight. */
export function pickKind(kinds: readonly Kind[], random: Random): Kind {
  const total = kinds.reduce((sum, { weight }) => sum + weight, 0);
  let left = random.next() * total;
  for (const kind of kinds) {
    left -= kind.weight;
    if (left < 0) return kind;
  }
  throw new Error("no kind of request");
}

/** Picks an item at random. @throws Error for an empty list */
export function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[Math.floor(random.next() * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}
