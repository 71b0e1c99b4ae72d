import type { Random } from "../scripts/random.js";
import { isTooDeep } from "./json-depth.js";

/** Values that are easily confused with others, and names that every JavaScript object inherits. */
const values = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  0.5,
  1e21,
  1e308,
  -1e308,
  5e-324,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  "",
  "0",
  "true",
  " ",
  "\0",
  "\u202e",
  "\ud800",
  "\n",
  "é",
  "a.b",
  "..",
  "/",
  "__proto__",
  "https://a.example",
  "https://u:p@a.example/x?y#z",
  "1e400",
  [],
  {},
  [[]],
  [{}],
] as const;
const names = [
  "__proto__",
  "constructor",
  "toString",
  "length",
  "hasOwnProperty",
  "",
  ".",
  "\n",
  "kid",
  "x",
] as const;
const deepest = 2000;
const longest = 4096;

/** The position of a value: the array or object that contains it, and its name there. */
interface Place {
  holder: object;
  name: string;
}

/**
 * Changes a JSON text in one place, and keeps it JSON.
 *
 * @param other a JSON text from which parts may be taken
 * @returns undefined where the text is not JSON, or too deep
 */
export function mutateJson(text: string, random: Random, other: string): string | undefined {
  const root = { value: parse(text) };
  if (root.value === undefined) return undefined;
  const places = listPlaces(root);
  const { holder, name } = pick(places, random) ?? { holder: root, name: "value" };
  const present: unknown = Reflect.get(holder, name);
  switch (random.integer(0, 7)) {
    case 0:
      if (holder !== root) Reflect.deleteProperty(holder, name);
      break;
    case 1:
      set(holder, name, vary(present, random));
      break;
    case 2:
      set(holder, name, transplant(parse(other), random));
      break;
    case 3:
      if (typeof present === "object" && present !== null)
        set(present, random.pick(names), random.pick(values));
      break;
    case 4:
      return twice(JSON.stringify(root.value), name, random);
    case 5:
      return nest(JSON.stringify(root.value), JSON.stringify(present), random);
    default:
      set(holder, name, random.pick(values));
  }
  return JSON.stringify(root.value);
}

function vary(value: unknown, random: Random): unknown {
  if (typeof value === "number") {
    return random.pick([
      value + 1,
      value - 1,
      -value,
      value * 2,
      value / 3,
      String(value),
      value * 1e300,
    ]);
  }
  if (typeof value === "string") {
    const at = random.integer(0, value.length);
    const piece = random.pick([
      "\0",
      "\n",
      " ",
      ".",
      "/",
      "%",
      "\u202e",
      "\ud800",
      "é",
      "0",
      "A",
      "=",
    ]);
    const most = random.chance(0.05) ? longest : 3;
    const added = piece.repeat(random.integer(0, most));
    return value.slice(0, at) + added + value.slice(at + random.integer(0, 3));
  }
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    const copies = random.chance(0.1) ? random.integer(2, 300) : 2;
    return Array.from({ length: copies }, () => items).flat();
  }
  return [value];
}

/** Repeats a name within one object, which only a JSON text can have. */
function twice(json: string, name: string, random: Random): string {
  const at = json.indexOf(`${JSON.stringify(name)}:`);
  if (at < 0) return json;
  const value = JSON.stringify(random.pick(values));
  return `${json.slice(0, at)}${JSON.stringify(name)}:${value},${json.slice(at)}`;
}

function nest(json: string, inner: string | undefined, random: Random): string {
  const [open, close] = random.pick<readonly [string, string]>([
    ["[", "]"],
    ['{"a":', "}"],
    ['{"allOf":[', "]}"],
  ]);
  const depth = random.chance(0.2) ? random.integer(1, deepest) : random.integer(1, 20);
  const text = inner ?? "1";
  return json.replace(text, () => open.repeat(depth) + text + close.repeat(depth));
}

function transplant(json: unknown, random: Random): unknown {
  const found = pick(listPlaces({ value: json }), random);
  return found === undefined
    ? null
    : structuredClone<unknown>(Reflect.get(found.holder, found.name));
}

function listPlaces(root: object): Place[] {
  const places: Place[] = [];
  const waiting = [root];
  for (let holder = waiting.pop(); holder !== undefined; holder = waiting.pop()) {
    for (const name of Object.keys(holder)) {
      places.push({ holder, name });
      const value: unknown = Reflect.get(holder, name);
      if (typeof value === "object" && value !== null) waiting.push(value);
    }
  }
  return places;
}

/** Sets a member as JSON.parse does: `__proto__` is an ordinary name. Names other than an index are not set on arrays. */
function set(holder: object, name: string, value: unknown): void {
  if (Array.isArray(holder) && !/^\d+$/u.test(name)) return;
  Object.defineProperty(holder, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

function pick<Item>(items: readonly Item[], random: Random): Item | undefined {
  return items[random.integer(0, items.length - 1)];
}

function parse(text: string): unknown {
  try {
    return isTooDeep(text) ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
