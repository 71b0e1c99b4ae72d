#!/usr/bin/env node
import { describeCause } from "../errors.js";
import { version } from "../version.js";
import { decryptCommand, encryptCommand } from "./files.js";
import { UsageError } from "./usage.js";

const usage = `Usage: confml COMMAND [OPTIONS] [FILE]

A data owner's side of confml: encrypt pictures for a server, read its answers.

  confml encrypt --key KEYFILE --kid ID [-o OUT] FILE
      Encrypts a picture as JWE (A256KW, A256GCM). ID is the secret's ID in the
      server's configuration. OUT is FILE.jwe where not given; - is standard output.

  confml encrypt --key KEYFILE --legacy [-o OUT] FILE
      Encrypts as \`openssl enc -e -aes256 -iv 0\` does, to FILE.encrypted. Nothing
      protects such a file against being altered.

  confml decrypt --key KEYFILE [-o OUT] [FILE]
      Decrypts a JWE, such as a server's answer, to standard output.

  confml --version, confml --help

KEYFILE holds the 32 bytes of the key as they are. FILE - is standard input.
`;

const commands: Readonly<Record<string, (argv: string[]) => Promise<void>>> = {
  encrypt: encryptCommand,
  decrypt: decryptCommand,
};

async function main([name, ...rest]: string[]): Promise<number> {
  if (name === "--version") {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (name === "--help" || name === "help" || rest.includes("--help")) {
    process.stdout.write(usage);
    return 0;
  }
  const command = name === undefined ? undefined : commands[name];
  if (command === undefined) {
    const problem = name === undefined ? "no command given" : `unknown command ${name}`;
    process.stderr.write(`confml: error: ${problem}\nconfml: hint: see confml --help\n`);
    return 64;
  }
  try {
    await command(rest);
    return 0;
  } catch (error) {
    process.stderr.write(`confml: error: ${describeCause(error)}\n`);
    if (!(error instanceof UsageError)) return 1;
    process.stderr.write("confml: hint: see confml --help\n");
    return 64;
  }
}

process.exitCode = await main(process.argv.slice(2));
