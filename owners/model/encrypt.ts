import { createHash, type Hash } from "node:crypto";
import { describeEncryptedFile } from "../encrypted-file.js";
import { maxModelBytes, readChunks } from "../io/input.js";
import { looksLikeKey } from "../io/key-like.js";
import { checkFiles, writeNewFiles } from "../io/output.js";
import { printLines, standardStream } from "../io/streams.js";
import { readKeyFile } from "../key/key-file.js";
import { only, parseOptions, required } from "../options.js";
import { UsageError } from "../usage.js";
import { sealStream } from "./seal-stream.js";

const options = {
  key: { type: "string", short: "k" },
  kid: { type: "string" },
  output: { type: "string", short: "o" },
  force: { type: "boolean", short: "f", default: false },
} as const;

/** What fits, as base64url and with a header, into the largest file that a server's Model.MaxBytes allows. */
const maxPlaintextBytes = Math.floor(((maxModelBytes - 8192) * 3) / 4);

/**
 * `confml model encrypt`: encrypts a model as JWE, as a stream.
 *
 * @throws UsageError, CommandError
 */
export async function encryptModelCommand(argv: string[]): Promise<number> {
  const { values, positionals } = parseOptions(argv, options);
  const input = only(positionals, "MODEL");
  const keyFile = required(values.key, "key");
  const kid = required(values.kid, "kid");
  if (looksLikeKey(kid)) {
    throw new UsageError("--kid wants the secret's ID, which anybody can read; got a key");
  }
  if (input === standardStream) throw new UsageError("MODEL is a file's name, not standard input");
  const file = values.output ?? `${input}.jwe`;
  if (!file.toLowerCase().endsWith(".jwe")) {
    throw new UsageError(
      "--output wants a name that ends in .jwe: by it a server knows the format",
    );
  }
  const rules = { inputs: [keyFile, input], force: values.force };
  // Checked before the file is read, which may be large.
  checkFiles([{ file }], rules);
  const key = await readKeyFile(keyFile);
  const seen: Seen = { head: Buffer.alloc(0), hash: createHash("sha256") };
  try {
    const plaintext = keepHead(readChunks(input, "MODEL", maxPlaintextBytes), seen);
    const content = hashed(sealStream(plaintext, key, kid), seen);
    await writeNewFiles([{ file, content, isSecret: false }], rules);
  } finally {
    key.fill(0);
  }
  const sha256 = seen.hash.digest("hex");
  await printLines(describeEncryptedFile({ input, head: seen.head, file, sha256, kid }));
  return 0;
}

interface Seen {
  /** The first bytes of the plaintext, which tell its kind. */
  head: Buffer;
  /** Of the encrypted file. */
  hash: Hash;
}

async function* keepHead(
  chunks: AsyncIterable<Uint8Array>,
  seen: Seen,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    if (seen.head.length === 0) seen.head = Buffer.from(chunk.subarray(0, 16));
    yield chunk;
  }
}

async function* hashed(chunks: AsyncIterable<Buffer>, seen: Seen): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    seen.hash.update(chunk);
    yield chunk;
  }
}
