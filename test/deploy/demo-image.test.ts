import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { encrypt } from "../helpers/scene.js";
import { projectFolder } from "../helpers/server-process.js";
import { upload } from "../helpers/upload.js";
import { copyContext, stageOf } from "./dockerfile.js";

const stage = stageOf(readFileSync(join(projectFolder, "Dockerfile"), "utf8"), "demo");
const labels = {
  "dog.jpg": "dog",
  "automotive.jpg": "sports car",
  "strawberries.jpg": "strawberry",
};

/** The steps compile everything, which takes half a minute of processor time. */
const compileTimeoutMs = 300_000;

/** The Dockerfile's stage `demo` in a folder, without a container engine: its files, its RUN steps and its CMD. */
describe("the image of stage demo", () => {
  let folder: string;

  beforeAll(async () => {
    // Below the project, where Node finds the packages.
    folder = await mkdtemp(join(projectFolder, "build/demo-image-"));
    copyContext(folder);
    await mkdir(join(folder, "node_modules"));
    await symlink(join(projectFolder, "node_modules/.bin"), join(folder, "node_modules/.bin"));
    for (const { text } of stage.filter(({ name }) => name === "RUN")) {
      if (text.startsWith("apt-get ")) continue;
      // Only root may give a folder away.
      const command = process.getuid?.() === 0 ? text : text.replaceAll(/ -[og] \d+/gu, "");
      execFileSync("sh", ["-ec", command], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
    }
  }, compileTimeoutMs);

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test("takes what the build stage made of the context, and has no key in it", () => {
    expect(stage.find(({ name }) => name === "COPY")?.text).toBe("--from=build /build ./");
    expect(existsSync(join(folder, "dist/image/resize.wasm"))).toBe(true);
    expect(existsSync(join(folder, "test"))).toBe(false);
    expect(existsSync(join(folder, ".demo/keys"))).toBe(false);
  });

  test("answers six pictures, three of them encrypted", async () => {
    const [program = "", ...words] = JSON.parse(
      stage.find(({ name }) => name === "CMD")?.text ?? "",
    ) as string[];
    // On loopback the metrics have a free port, too.
    const changes: Record<string, string> = { "0.0.0.0": "127.0.0.1", "8000": "0" };
    const child = spawn(
      program,
      words.map((word) => changes[word] ?? word),
      {
        cwd: folder,
        env: { ...variables(), PATH: process.env["PATH"] },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const closed = once(child, "close");
    try {
      const port = await listeningPort(child.stdout, closed);
      const key = await readFile(join(folder, ".demo/keys/image.key"));
      for (const [name, label] of Object.entries(labels)) {
        const picture = await readFile(join(folder, "models/demo", name));
        const plain = await upload(port, name, picture);
        expect([name, plain.text]).toEqual([name, expect.stringContaining(`('${label}'`)]);
        const encrypted = await upload(port, `${name}.encrypted`, encrypt(picture, key));
        expect(encrypted.text).toBe(plain.text);
      }
    } finally {
      child.kill("SIGTERM");
      await closed;
    }
  });
});

function variables(): Record<string, string> {
  const pairs = stage.filter(({ name }) => name === "ENV").map(({ text }) => text.split("="));
  return Object.fromEntries(pairs.map(([name = "", value = ""]) => [name, value]));
}

async function listeningPort(output: NodeJS.ReadableStream, closed: Promise<unknown>) {
  let printed = "";
  output.setEncoding("utf8").on("data", (text: string) => {
    printed += text;
  });
  for (;;) {
    const [, port] = /http:\/\/127\.0\.0\.1:(\d+)\/evaluate/u.exec(printed) ?? [];
    if (port !== undefined) return Number(port);
    const ended = closed.then(() => {
      throw new Error(`the image's command ended: ${printed}`);
    });
    await Promise.race([once(output, "data"), ended]);
  }
}
