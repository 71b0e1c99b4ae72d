import type { Random } from "../scripts/random.js";
import { parseDer, writeDer, type DerNode } from "./der-tree.js";
import { mutateBytes } from "./mutate-bytes.js";

/** Tags in X.509, primitive and constructed; from 0x82 on they are context-specific. */
const tags = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x17, 0x18, 0x30, 0x31, 0x82, 0xa0, 0xa1, 0xa3,
] as const;
const contents = ["", "00", "01", "ff", "80", "0001", "ffff", "0780"] as const;

/** A list of values, and the index of one of them. */
interface Place {
  siblings: DerNode[];
  at: number;
}

type Change = (place: Place, random: Random, others: readonly Place[]) => void;

const changes: readonly [Change, ...Change[]] = [
  ({ siblings, at }) => siblings.splice(at, 1),
  ({ siblings, at }) => siblings.splice(at, 0, structuredClone(nodeAt({ siblings, at }))),
  ({ siblings, at }, random) => {
    const [moved] = siblings.splice(at, 1);
    if (moved !== undefined) siblings.splice(random.integer(0, siblings.length), 0, moved);
  },
  ({ siblings, at }, random, others) => siblings.splice(at, 1, ...someNode(random, others)),
  ({ siblings, at }, random, others) => siblings.splice(at, 0, ...someNode(random, others)),
  ({ siblings, at }, random) =>
    siblings.splice(at, 1, { ...nodeAt({ siblings, at }), tag: random.pick(tags) }),
  (place, random) => {
    nodeAt(place).content = Buffer.from(random.pick(contents), "hex");
  },
  changeContent,
  changeContent,
];

/**
 * Changes the structure of DER and writes lengths that fit it.
 *
 * @param other DER to take values of
 * @returns undefined where the input is not DER
 */
export function mutateDer(
  input: Uint8Array,
  random: Random,
  other: Uint8Array,
): Buffer | undefined {
  const nodes = parseDer(input);
  if (nodes === undefined) return undefined;
  const places = placesIn(nodes);
  const place = places[random.integer(0, places.length - 1)];
  if (place === undefined) return undefined;
  random.pick(changes)(place, random, placesIn(parseDer(other) ?? []));
  return writeDer(nodes);
}

function placesIn(siblings: DerNode[]): Place[] {
  return siblings.flatMap(({ content }, at) => [
    { siblings, at },
    ...(content instanceof Uint8Array ? [] : placesIn(content)),
  ]);
}

function someNode(random: Random, places: readonly Place[]): DerNode[] {
  const place = places[random.integer(0, places.length - 1)];
  return place === undefined ? [] : [nodeAt(place)];
}

function nodeAt({ siblings, at }: Place): DerNode {
  return siblings[at] ?? { tag: 0x05, content: Buffer.alloc(0) };
}

function changeContent(place: Place, random: Random): void {
  const node = nodeAt(place);
  const bytes = node.content instanceof Uint8Array ? node.content : writeDer(node.content);
  node.content = mutateBytes(bytes, random, bytes);
}
