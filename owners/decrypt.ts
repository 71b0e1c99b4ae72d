import { z } from "zod";
import { openJwe } from "../src/crypto/jwe.js";
import { readHeader } from "../src/crypto/jwe-header.js";
import { explainUndecryptable } from "./undecryptable.js";
import { readInput } from "./io/input.js";
import { writeOutput } from "./io/output.js";
import { findTarget } from "./io/output-target.js";
import { standardStream, warn } from "./io/streams.js";
import { readKeyFile } from "./key/key-file.js";
import { only, parseOptions, required } from "./options.js";

const options = {
  key: { type: "string", short: "k" },
  output: { type: "string", short: "o" },
  force: { type: "boolean", short: "f", default: false },
} as const;

/** Room for what `confml encrypt` takes at most, 256 MiB: base64url makes it a third longer. */
const maxJweBytes = 402_653_184;

const answerSchema = z.object({ image: z.object({ authenticated: z.boolean().optional() }) });
const unauthenticatedWarning =
  "this answers an .encrypted upload, which nothing authenticates: anybody may have sent it, or altered what you sent";

/**
 * `confml decrypt`: decrypts a JWE in compact serialisation (RFC 7516, section 7.1).
 *
 * @throws UsageError; CommandError for input that does not open, with what it is instead
 */
export async function decryptCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, options);
  const keyFile = required(values.key, "key");
  const input = only(positionals.length === 0 ? [standardStream] : positionals, "FILE");
  const file = values.output ?? standardStream;
  const rules = { inputs: [keyFile, input], force: values.force };
  findTarget(file, rules);
  const key = await readKeyFile(keyFile);
  try {
    const bytes = await readInput(input, "FILE", maxJweBytes);
    const token = Buffer.from(bytes.toString("latin1").trim(), "latin1");
    const plaintext = await openJwe(token, key);
    if (plaintext === undefined) throw explainUndecryptable({ input, bytes, token, keyFile });
    const json = parseJson(plaintext);
    if (json !== undefined && isUnauthenticated(json.value)) warn([unauthenticatedWarning]);
    // Only servers mark JSON so (RFC 7516, section 4.1.12); any other file is returned byte for byte.
    const isAnswer = json !== undefined && readHeader(token)?.["cty"] === "json";
    const content = isAnswer ? `${json.text}\n` : plaintext;
    await writeOutput({ file, content, isSecret: true }, rules);
  } finally {
    key.fill(0);
  }
  return 0;
}

/** @returns JSON without the spaces with which a server hides its length; undefined for anything else */
function parseJson(plaintext: Uint8Array): { text: string; value: unknown } | undefined {
  try {
    const text = new TextDecoder("utf8", { fatal: true }).decode(plaintext).trim();
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Whether an answer says that its upload was not authenticated. */
function isUnauthenticated(answer: unknown): boolean {
  const parsed = answerSchema.safeParse(answer);
  return parsed.success && parsed.data.image.authenticated === false;
}
