import { z } from "zod";
import { readHeader } from "../src/crypto/jwe-header.js";
import { nameOf } from "./io/input.js";
import { isText } from "./io/text.js";
import { CommandError } from "./usage.js";

/** Input that `openJwe` did not decrypt. */
export interface Undecryptable {
  /** A path; `-` is standard input. */
  input: string;
  bytes: Buffer;
  /** The same without white space at both ends. */
  token: Buffer;
  keyFile: string;
}

type Explanation = [message: string, ...hints: string[]];

/** Problem details (RFC 9457) as the server writes them, and the error object of the Open Inference Protocol. */
const errorSchema = z.union([
  z.object({ code: z.string(), detail: z.string() }),
  z.object({ error: z.string() }),
]);
const answerSchema = z.object({ image: z.object({}), predictions: z.array(z.unknown()) });
const errorLine = /^(?<code>[A-Z]+(?:_[A-Z]+)*): (?<detail>[^\r\n]+)$/u;
const textAnswer = "file inferenced successfully.";
const longestQuote = 500;
const blockBytes = 16;

/**
 * Explains why input could not be decrypted: it is the server's error, a plain answer, nothing, a web page, a file in
 * another format, or a JWE that this key does not open.
 *
 * @returns the error to throw; text of the input is repeated only if it is a server's error message or a JWE's header
 */
export function explainUndecryptable({
  input,
  bytes,
  token,
  keyFile,
}: Undecryptable): CommandError {
  const name = nameOf(input);
  const text = token.toString("utf8");
  const [message, ...hints] =
    explainEmpty(token) ??
    explainServerError(text) ??
    explainPlainAnswer(text) ??
    explainJwe(token, text, keyFile) ??
    explainOtherFormat(input, bytes, text);
  return new CommandError(`${name}: ${message}`, hints);
}

function explainEmpty(token: Buffer): Explanation | undefined {
  if (token.length > 0) return undefined;
  return [
    "expected a JWE; got nothing",
    "the command before the pipe failed: curl -sS says why it got no answer",
  ];
}

function explainServerError(text: string): Explanation | undefined {
  const error = errorSchema.safeParse(parseJson(text));
  const line = errorLine.exec(text)?.groups;
  let found: string;
  if (line !== undefined) found = text;
  else if (!error.success) return undefined;
  else if ("error" in error.data) found = error.data.error;
  else found = `${error.data.code}: ${error.data.detail}`;
  return [
    `the server answered with an error: ${quote(found)}`,
    "docs/errors.md explains the codes",
  ];
}

function explainPlainAnswer(text: string): Explanation | undefined {
  if (!text.startsWith(textAnswer) && !answerSchema.safeParse(parseJson(text)).success) {
    return undefined;
  }
  return [
    "the server's answer is not encrypted",
    "the upload was not encrypted, or was an .encrypted file, or the server's Results.Encrypt is never",
    "the answer to a file named .jwe is encrypted",
  ];
}

function explainJwe(token: Buffer, text: string, keyFile: string): Explanation | undefined {
  const header = readHeader(token);
  if (header === undefined) return undefined;
  const parts = text.split(".").length;
  if (parts === 3) return ["expected a JWE, of five parts; got a signed token (JWS, JWT) of three"];
  if (parts !== 5) {
    return [`expected a JWE, of five parts; got ${parts}`, "part of the file may be missing"];
  }
  const { alg, enc, kid } = header;
  const isSupported = (alg === "A256KW" || alg === "dir") && enc === "A256GCM";
  if (!isSupported) {
    const got = quote(`alg ${String(alg)}, enc ${String(enc)}`);
    return [`expected a JWE with alg A256KW or dir, and enc A256GCM; got ${got}`];
  }
  const named = typeof kid === "string" ? ` with the kid ${quote(JSON.stringify(kid))}` : "";
  return [
    `not a JWE under this key: a JWE${named} that ${keyFile} does not open`,
    "it is encrypted under another key, or was altered; confml encrypt --kid wrote the kid into it",
  ];
}

function explainOtherFormat(input: string, bytes: Buffer, text: string): Explanation {
  if (/^\s*<(?:!doctype|html|\?xml)/iu.test(text)) {
    return [
      "expected a JWE; got an HTML or XML page",
      "another web server or a proxy answered: check the address, and curl -i shows its answer",
    ];
  }
  if (isJsonSerialisation(parseJson(text))) {
    return ["expected a JWE in compact serialisation; got one in JSON (RFC 7516, section 7.2)"];
  }
  const isNamedEncrypted = input.toLowerCase().endsWith(".encrypted");
  if (isNamedEncrypted || (bytes.length % blockBytes === 0 && !isText(bytes))) {
    const what = isNamedEncrypted ? "an .encrypted file" : "bytes that may be an .encrypted file";
    return [
      `expected a JWE; got ${what} (AES-256-CBC)`,
      "openssl enc -d -aes256 -K HEX -iv 0 decrypts it, if HEX is the key of .encrypted files as 64 hex digits",
    ];
  }
  return [
    `expected a JWE, which is five parts of base64url with dots between; got ${bytes.length} bytes of something else`,
  ];
}

function isJsonSerialisation(value: unknown): boolean {
  return z.object({ ciphertext: z.string() }).safeParse(value).success;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Text of the input as one short line without control characters, which a terminal might obey. */
function quote(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}]/gu, "\uFFFD");
  return line.length > longestQuote ? `${line.slice(0, longestQuote)}…` : line;
}
