import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { projectFolder } from "../helpers/server-process.js";

const root = join(projectFolder, "appdir/root");
const ours = existsSync(root) ? describe : describe.skip;

/** A file's dynamic symbols: what it has, and what it must get from others. */
interface Symbols {
  defined: string[];
  needed: string[];
}

/** Of an ELF64 file for x86-64 (System V ABI, chapters 4 and 5: section headers, symbol table). */
function dynamicSymbols(file: Buffer): Symbols {
  const symbols: Symbols = { defined: [], needed: [] };
  const sectionHeaders = Number(file.readBigUInt64LE(40));
  const sectionOf = (index: number): Buffer => file.subarray(sectionHeaders + index * 64);
  const content = (section: Buffer): Buffer => {
    const offset = Number(section.readBigUInt64LE(24));
    return file.subarray(offset, offset + Number(section.readBigUInt64LE(32)));
  };
  for (let index = 0; index < file.readUInt16LE(60); index += 1) {
    const section = sectionOf(index);
    if (section.readUInt32LE(4) !== 11) continue; // SHT_DYNSYM
    const names = content(sectionOf(section.readUInt32LE(40)));
    const table = content(section);
    for (let at = 24; at < table.length; at += 24) {
      const start = table.readUInt32LE(at);
      const name = names.toString("latin1", start, names.indexOf(0, start));
      const isStrong = table.readUInt8(at + 4) >> 4 === 1; // STB_GLOBAL
      if (table.readUInt16LE(at + 6) !== 0) symbols.defined.push(name);
      else if (isStrong) symbols.needed.push(name);
    }
  }
  return symbols;
}

ours("the TEE's file system", () => {
  test("takes from the C library what is known to be in Mystikos', and nothing else", () => {
    const libraries = readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((path) => /\.so(\.\d+)*$|\.node$|^usr\/bin\/node$/u.test(path))
      .map((path) => readFileSync(join(root, path)))
      .filter((file) => file.subarray(0, 4).toString("latin1") === "\x7fELF")
      .map(dynamicSymbols);
    expect(libraries.length).toBeGreaterThan(20);
    const defined = new Set(libraries.flatMap((symbols) => symbols.defined));
    const taken = new Set(
      libraries.flatMap(({ needed }) => needed.filter((name) => !defined.has(name))),
    );
    const known = readFileSync(join(projectFolder, "test/fixtures/appdir/libc-symbols.txt"), "utf8")
      .split("\n")
      .filter((line) => /^[^#]/u.test(line));
    // A name more: look for it in musl 1.2.0 and gcompat, and give it to the shim where it is in neither.
    expect([...taken].sort()).toEqual(known);
  });
});
