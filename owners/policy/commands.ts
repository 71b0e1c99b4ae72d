import { readUnverifiedToken, type UnverifiedToken } from "./attestation-token.js";
import { buildPolicy } from "./build.js";
import { evaluatePolicy, type BranchResult, type Unmet } from "./evaluate.js";
import { explainPolicy } from "./explain.js";
import { parsePolicy, type ReleasePolicy } from "./grammar.js";
import { warnings } from "./warnings.js";
import { quote } from "../../client/policy/wording.js";
import { describeCause } from "../../src/errors.js";
import { maxTextBytes, nameOf, readInput } from "../io/input.js";
import { only, parseOptions } from "../options.js";
import { writeOutput } from "../io/output.js";
import { readPolicyFile } from "./policy-file.js";
import { policyOptions, readPolicyOptions } from "./options.js";
import { printLines, standardStream, warn } from "../io/streams.js";
import { UsageError } from "../usage.js";

/** `confml policy` */
export async function policyCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, {
    ...policyOptions,
    output: { type: "string", short: "o" },
    force: { type: "boolean", short: "f", default: false },
  });
  const [word] = positionals;
  if (word !== undefined) throw new UsageError(`${quote(word)} is no option of policy`);
  const json = `${JSON.stringify(buildPolicy(readPolicyOptions(values)), null, 2)}\n`;
  const file = values.output ?? standardStream;
  await writeOutput({ file, content: json, isSecret: false }, { inputs: [], force: values.force });
  warn(warnings(parsePolicy(json)));
  return 0;
}

/** `confml policy explain` */
export async function explainCommand(argv: string[]): Promise<number> {
  const { positionals } = parseOptions(argv, {});
  const { policy } = await readPolicyFile(only(positionals, "FILE"), "FILE");
  await printLines(describePolicy(policy));
  return 0;
}

/** `confml policy test` */
export async function testCommand(argv: string[]): Promise<number> {
  const { positionals } = parseOptions(argv, {});
  const [tokenFile, policyFile, ...others] = positionals;
  if (tokenFile === undefined || policyFile === undefined || others.length > 0) {
    throw new UsageError("give TOKEN and POLICY, a file each");
  }
  if (tokenFile === standardStream && policyFile === standardStream) {
    throw new UsageError("standard input can be one of TOKEN and POLICY");
  }
  const token = await readTokenFile(tokenFile);
  const { policy } = await readPolicyFile(policyFile, "POLICY");
  const results = evaluatePolicy(policy, token.claims);
  const isMet = results.some(({ unmet }) => unmet.length === 0);
  await printLines([
    ...results.flatMap(describeResult),
    isMet ? "the policy is met" : "the policy is not met: the vault would keep the key",
    "note: the token's signature is not checked here",
    ...describeTimes(token, new Date()),
  ]);
  return isMet ? 0 : 1;
}

/** A policy in words, and then what is to be said against it. */
export function describePolicy(policy: ReleasePolicy): string[] {
  return [...explainPolicy(policy), ...warnings(policy).map((warning) => `WARNING: ${warning}`)];
}

async function readTokenFile(file: string): Promise<UnverifiedToken> {
  const text = (await readInput(file, "TOKEN", maxTextBytes)).toString("latin1");
  try {
    return readUnverifiedToken(text);
  } catch (cause) {
    throw new Error(`${nameOf(file)} is no attestation token: ${describeCause(cause)}`, { cause });
  }
}

function describeResult({ authority, unmet }: BranchResult): string[] {
  const verdict = unmet.length === 0 ? "met" : "not met";
  return [`${quote(authority)}: ${verdict}`, ...unmet.flatMap(describeUnmet).map(indented)];
}

function describeUnmet(unmet: Unmet): string[] {
  if (!("noneOf" in unmet)) {
    const { claim, wanted, got } = unmet;
    const name = quote(claim).replace(/^"|"$/gu, "");
    return [`${name}: wanted ${wanted}, got ${quote(got)}`];
  }
  return [
    "at least one of these:",
    ...unmet.noneOf.flatMap((alternative) => {
      const [first = "", ...rest] = alternative.flatMap(describeUnmet);
      return [`- ${first}`, ...rest.map(indented)];
    }),
  ];
}

function indented(line: string): string {
  return `  ${line}`;
}

function describeTimes({ expiresAt, notBefore }: UnverifiedToken, now: Date): string[] {
  const notes: string[] = [];
  if (expiresAt === undefined) notes.push("note: the token does not say when it expires");
  else {
    const verb = expiresAt <= now ? "expired" : "is good until";
    notes.push(`note: the token ${verb} ${expiresAt.toISOString()}`);
  }
  if (notBefore !== undefined && notBefore > now) {
    notes.push(`note: the token is not good before ${notBefore.toISOString()}`);
  }
  return notes;
}
