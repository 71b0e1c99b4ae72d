const longest = 300;
/** Keys, tokens and secrets are long runs without a space; GUIDs and host names may stay. */
const longRun = /[A-Za-z0-9+/_~=.-]{24,}/gu;
const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;
const hostName = /^[a-z][a-z0-9-]{0,23}(?:\.[a-z][a-z0-9-]{0,23})+$/u;

/**
 * What another machine wrote, fit to stand in a message of ours: one line, not long, and nothing in it
 * that could be a key, a token or a client secret that it sends back.
 */
export function quoteRemote(text: string): string {
  const line = text
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .replace(longRun, (run) => (guid.test(run) || hostName.test(run) ? run : "[hidden]"));
  return line.length <= longest ? line : `${line.slice(0, longest)}…`;
}
