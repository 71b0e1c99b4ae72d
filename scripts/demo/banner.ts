const rule = "─".repeat(86);

/** Said first and on every machine without an enclave, so that nobody takes the demo for the real thing. */
export function bannerFor(place: string): string {
  const lines = [
    `confml ${place}: NOTHING HERE IS CONFIDENTIAL.`,
    "Azure is emulated and the evidence is made up: a demo of the protocol.",
  ];
  const boxed = lines.map((line) => `  │  ${line.padEnd(rule.length - 4)}  │`);
  return [``, `  ┌${rule}┐`, ...boxed, `  └${rule}┘`, ``].join("\n");
}

/** Prints a line with its speaker before it. */
export function say(who: string, line: string): void {
  console.log(`${who.padStart(13)} │ ${line}`);
}
