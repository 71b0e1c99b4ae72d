const rule = "─".repeat(86);

/** The warning that the demo prints first wherever it runs outside an enclave. */
export function bannerFor(place: string): string {
  const lines = [
    `confml ${place}: NOTHING HERE IS CONFIDENTIAL.`,
    "Azure is emulated and the evidence is made up: a demo of the protocol.",
  ];
  const boxed = lines.map((line) => `  │  ${line.padEnd(rule.length - 4)}  │`);
  return [``, `  ┌${rule}┐`, ...boxed, `  └${rule}┘`, ``].join("\n");
}

/** Prints a line of progress after the name of who did it. */
export function say(who: string, line: string): void {
  console.log(`${who.padStart(13)} │ ${line}`);
}
