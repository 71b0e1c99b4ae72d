import { readFile, writeFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { openJwe, sealJwe } from "../crypto/jwe.js";
import { encryptLegacy } from "../crypto/openssl-cbc.js";
import { describeCause } from "../errors.js";
import { keyBytes } from "../secrets/client.js";
import { UsageError } from "./usage.js";

const standardStream = "-";

/** `confml encrypt` */
export async function encryptCommand(argv: string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  const { key: keyFile, kid, legacy, output } = values;
  const file = only(positionals);
  if (keyFile === undefined) throw new UsageError("--key is missing");
  if (legacy === (kid !== undefined)) throw new UsageError("give either --kid or --legacy");
  if (file === standardStream && output === undefined) {
    throw new UsageError("standard input needs an output: -o FILE, or -o - for standard output");
  }
  const key = await readKey(keyFile);
  const picture = await readInput(file);
  const encrypted =
    kid === undefined ? encryptLegacy(key, picture) : await sealJwe(key, picture, { kid });
  await writeOutput(output ?? `${file}.${legacy ? "encrypted" : "jwe"}`, encrypted);
}

/** `confml decrypt` */
export async function decryptCommand(argv: string[]): Promise<void> {
  const { values, positionals } = parse(argv);
  const { key: keyFile, output } = values;
  if (keyFile === undefined) throw new UsageError("--key is missing");
  if (values.legacy || values.kid !== undefined) {
    throw new UsageError("--legacy and --kid belong to encrypt");
  }
  const file = only(positionals.length === 0 ? [standardStream] : positionals);
  const key = await readKey(keyFile);
  const token = (await readInput(file)).toString("latin1").trim();
  const opened = await openJwe(Buffer.from(token), key);
  if (opened === undefined) {
    throw new Error(`${file}: not a JWE under this key (A256KW or dir, A256GCM), or altered`);
  }
  await writeOutput(output ?? standardStream, opened);
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        key: { type: "string", short: "k" },
        kid: { type: "string" },
        legacy: { type: "boolean", default: false },
        output: { type: "string", short: "o" },
      },
    });
  } catch (cause) {
    throw new UsageError(describeCause(cause), { cause });
  }
}

function only(files: string[]): string {
  const [file, ...others] = files;
  if (file === undefined || others.length > 0) throw new UsageError("give one FILE");
  return file;
}

async function readKey(file: string): Promise<Buffer> {
  const key = await readFile(file);
  if (key.length === keyBytes) return key;
  throw new Error(`${file}: expected a key of ${keyBytes} bytes; got ${key.length}`);
}

async function readInput(file: string): Promise<Buffer> {
  return file === standardStream ? buffer(process.stdin) : readFile(file);
}

/** Opened only now that there is something to write. */
async function writeOutput(file: string, content: Uint8Array | string): Promise<void> {
  if (file !== standardStream) {
    await writeFile(file, content);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(content, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}
