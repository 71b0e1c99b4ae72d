// Loaded before a command (`node --import`): makes one of its file operations the last, or a failing one.
//
// STOP_AT=N:SIGNAL   sends itself SIGNAL before its Nth operation on outputs
// FAULT=NAME:CODE    every operation NAME of node:fs fails with CODE
// APPEAR=FILE        somebody else makes FILE right before an output gets its name

import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import process from "node:process";

const [stopAt, signal] = (process.env["STOP_AT"] ?? "0:").split(":");
const [faulty, code] = (process.env["FAULT"] ?? ":").split(":");
/** A long write is done by half, so that a signal finds a part of it. */
const longBytes = 4096;
let operations = 0;

/** Counts from the first file that is made on. */
function count(name, args) {
  const isFirst = name === "mkdtempSync" || (name === "openSync" && args[1] & fs.constants.O_EXCL);
  if (operations === 0 && !isFirst) return;
  operations += 1;
  if (operations === Number(stopAt)) process.kill(process.pid, signal);
}

function failure(name) {
  return name === faulty ? Object.assign(new Error(`${code}: injected`), { code }) : undefined;
}

for (const name of [
  ...["openSync", "mkdtempSync", "fchmodSync", "closeSync"],
  ...["linkSync", "renameSync", "rmSync"],
]) {
  const original = fs[name];
  fs[name] = (...args) => {
    count(name, args);
    const appearing = process.env["APPEAR"];
    if (name === "linkSync" && appearing !== undefined) fs.writeFileSync(appearing, "somebody's");
    const error = failure(name);
    if (error !== undefined) throw error;
    return original(...args);
  };
}

const { fsync, write } = fs;
fs.fsync = (file, callback) => {
  count("fsync", []);
  const error = failure("fsync");
  if (error === undefined) fsync(file, callback);
  else callback(error);
};
fs.write = (file, bytes, offset, length, position, callback) => {
  count("write", []);
  const some = length > longBytes ? Math.ceil(length / 2) : length;
  const error = failure("write");
  write(file, bytes, offset, some, position, (...results) => {
    if (error === undefined) callback(...results);
    else callback(error);
  });
};
syncBuiltinESMExports();
