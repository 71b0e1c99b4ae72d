import { execFileSync } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { LineWriter } from "../src/line-writer.js";
import { eventually } from "./helpers/eventually.js";

let folder = "";
let descriptors: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-lines-"));
});

afterEach(() => {
  for (const fd of descriptors.splice(0)) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function open(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  descriptors.push(fd);
  return fd;
}

/** A named pipe. Its reader's end does not block when there is nothing to read. */
function pipe() {
  const path = join(folder, "pipe");
  execFileSync("mkfifo", [path]);
  const openReader = (): number => open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let reader = openReader();
  let received = "";
  return {
    writer: open(path, constants.O_WRONLY),
    received: () => received,
    read: () => {
      const chunk = Buffer.alloc(65_536);
      try {
        received += chunk.toString("utf8", 0, readSync(reader, chunk));
      } catch {
        // There is nothing to read at the moment.
      }
      return received;
    },
    closeReader: () => {
      descriptors = descriptors.filter((fd) => fd !== reader);
      closeSync(reader);
    },
    reopenReader: () => {
      reader = openReader();
    },
  };
}

describe("a line writer", () => {
  test("writes to a file at once", () => {
    const path = join(folder, "log");
    const writer = new LineWriter({ fd: open(path, "a") });
    writer.write("one\n");
    expect(readFileSync(path, "utf8")).toBe("one\n");
  });

  test("has written every line in order when flush resolves", async () => {
    const path = join(folder, "log");
    const writer = new LineWriter({ fd: open(path, "a") });
    const lines = Array.from({ length: 1000 }, (_, at) => `line ${at}\n`);
    for (const line of lines) writer.write(line);
    await writer.flush(60_000);
    expect(readFileSync(path, "utf8")).toBe(lines.join(""));
    expect(writer.lostLines).toBe(0);
  });

  test.each([
    ["a full disk", () => openSync("/dev/full", "w")],
    ["a descriptor that is closed", () => 987_654],
  ])("continues with %s, and counts lost lines", async (_what, descriptor) => {
    const writer = new LineWriter({ fd: descriptor() });
    for (let count = 0; count < 3; count += 1) writer.write("lost\n");
    await writer.flush(60_000);
    expect(writer.lostLines).toBe(3);
  });

  test("reports the number of lost lines once it can write again", async () => {
    const { writer: fd, read, closeReader, reopenReader } = pipe();
    const writer = new LineWriter({ fd });
    closeReader();
    for (let count = 0; count < 5; count += 1) writer.write("lost\n");
    await writer.flush(60_000);
    expect(writer.lostLines).toBe(5);
    reopenReader();
    writer.write("again\n");
    await eventually(() => read().includes("lost:"));
    const [again, told] = read().split("\n");
    expect(again).toBe("again");
    expect(JSON.parse(told ?? "")).toEqual({
      level: 40,
      time: expect.any(Number),
      lost: 5,
      msg: "log lines lost: 5",
    });
  });

  test("does not count lines of its own as lost: the end of a line that was cut off, or a report", async () => {
    const { writer: fd, read, closeReader, reopenReader } = pipe();
    const writer = new LineWriter({ fd });
    // More than a pipe holds, so that the write ends in the middle of the line.
    writer.write(`${"x".repeat(300_000)}\n`);
    await eventually(() => read().length >= 65_536);
    closeReader();
    await writer.flush(60_000);
    expect(writer.lostLines).toBe(1);
    for (let count = 0; count < 10; count += 1) {
      writer.write("lost\n");
      await writer.flush(60_000);
    }
    expect(writer.lostLines).toBe(11);
    reopenReader();
    writer.write("again\n");
    await eventually(() => read().includes("lost:"));
    const text = read();
    const [end, again, told] = text.slice(text.lastIndexOf("x") + 1).split("\n");
    expect([end, again]).toEqual(["", "again"]);
    expect(JSON.parse(told ?? "")).toMatchObject({ lost: 11 });
  });

  test("bounds its queue if the reader has stalled, without blocking", async () => {
    const { writer: fd, read } = pipe();
    const writer = new LineWriter({ fd, maxQueued: 20_000 });
    const total = 500;
    for (let count = 0; count < total; count += 1) {
      writer.write(`${String(count).padEnd(999, ".")}\n`);
      if (count % 10 === 0) await new Promise(setImmediate);
    }
    expect(writer.lostLines).toBeGreaterThan(0);
    await writer.flush(20);
    // The reader goes on.
    const whole = (): number => read().match(/^\d+\.+\n/gmu)?.length ?? 0;
    await eventually(() => whole() + writer.lostLines === total);
    const lines = read().trimEnd().split("\n");
    expect(lines.filter((line) => line.includes("log lines lost"))).not.toEqual([]);
    for (const line of lines) expect(line).toMatch(/^(?:\d+\.+|\{.*\})$/u);
  });
});
