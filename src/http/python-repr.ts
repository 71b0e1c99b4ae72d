/** `repr()` of a Python float: the shortest digits that read back the same, as JavaScript's are. */
export function pythonFloat(value: number): string {
  const [digits = "", exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  // Python's float_repr_style: exponents below -4 and from 16 on are written.
  if (value !== 0 && (power < -4 || power >= 16)) {
    const sign = power < 0 ? "-" : "+";
    return `${digits}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (Number.isInteger(value)) return `${Object.is(value, -0) ? "-0" : value.toFixed(0)}.0`;
  // JavaScript writes exponents below -6 only, and so here none.
  return String(value);
}

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};

/** `repr()` of a Python str: single quotes, double ones where the text has a single one only. */
export function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let inner = "";
  for (const character of text) inner += escape(character, quote);
  return `${quote}${inner}${quote}`;
}

function escape(character: string, quote: string): string {
  if (character === quote) return `\\${character}`;
  const known = escapes[character];
  if (known !== undefined) return known;
  // str.isprintable(): not of the categories Other and Separator, but for the space.
  if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}
