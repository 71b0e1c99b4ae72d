/** Said first and on every machine without a TEE, so that nobody takes the demo for the real thing. */
export const banner = `
  ┌──────────────────────────────────────────────────────────────────────────┐
  │  confml on plain Node: NOTHING HERE IS CONFIDENTIAL outside a TEE.       │
  │  Azure is emulated and the evidence is made up: a demo of the protocol.  │
  └──────────────────────────────────────────────────────────────────────────┘
`;

/** Prints a line with its speaker before it. */
export function say(who: string, line: string): void {
  console.log(`${who.padStart(13)} │ ${line}`);
}
