/** `repr()` of a Python float: the shortest digits that read back as the same number, as JavaScript writes them too. */
export function pythonFloat(value: number): string {
  const [digits = "", exponent] = value.toExponential().split("e");
  const power = Number(exponent);
  // Python writes an exponent below -4 and from 16 on (float_repr_style "short").
  if (value !== 0 && (power < -4 || power >= 16)) {
    const sign = power < 0 ? "-" : "+";
    return `${digits}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (Number.isInteger(value)) return `${Object.is(value, -0) ? "-0" : value.toFixed(0)}.0`;
  // JavaScript writes an exponent below -6 and from 21 on: not for what is left here.
  return String(value);
}

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};

/** `repr()` of a Python str: in single quotes, or in double quotes if the text contains only single ones. */
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
  // str.isprintable(): all characters outside the categories Other and Separator, and the space.
  if (character === " " || !/[\p{C}\p{Z}]/u.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${hex(code, 2)}`;
  return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, "0");
}
