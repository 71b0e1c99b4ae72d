import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { help } from "../../owners/help.js";
import { sealJwe } from "../../src/crypto/jwe.js";
import { attestationUrl, vaultUrl } from "../helpers/azure-clients.js";
import { flat } from "../helpers/pictures.js";
import { projectFolder } from "../helpers/server-process.js";
import { tinyClassifier, tinyManifest } from "../onnx/tiny-classifier.js";
import { setKeyScene, type KeyScene } from "./key/scene.js";

const main = join(projectFolder, "build/owners/main.js");
const mrenclave = "5f".repeat(32);
const key = randomBytes(32);
const policy = {
  version: "1.0.0",
  anyOf: [
    {
      authority: attestationUrl,
      allOf: [
        { claim: "x-ms-attestation-type", equals: "sgx" },
        { claim: "x-ms-sgx-is-debuggable", equals: "false" },
        { claim: "x-ms-sgx-mrenclave", equals: mrenclave },
      ],
    },
  ],
};
const claims = {
  iss: attestationUrl,
  "x-ms-attestation-type": "sgx",
  "x-ms-sgx-is-debuggable": false,
  "x-ms-sgx-mrenclave": mrenclave,
};

/** The files that each command's examples read. Those that they write must not exist before. */
const inputs: Record<string, string[]> = {
  keygen: ["picture.jpg"],
  encrypt: ["data.key", "model.key", "picture.jpg", "alexnet.onnx"],
  decrypt: ["data.key", "answer.jwe", "picture.jpg.jwe"],
  policy: [],
  "policy client": [],
  "policy explain": ["policy.json"],
  "policy test": ["claims.json", "policy.json"],
  "key create": [],
  "key import": ["data.key", "policy.json"],
  "key show": [],
  "model encrypt": ["model.key", "alexnet.onnx"],
  "model optimize": ["alexnet.onnx", "model.json", "pictures"],
};

let scene: KeyScene;

beforeAll(async () => {
  scene = await setKeyScene();
});

afterAll(async () => {
  await scene.close();
});

async function provide(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  const red = (): Promise<Buffer> => flat("red").png().toBuffer();
  if (name.endsWith(".key")) await writeFile(path, key, { mode: 0o600 });
  else if (name.endsWith(".jwe")) {
    await writeFile(path, await sealJwe(key, Buffer.from("{}"), { kid: "DataKey" }));
  } else if (name === "policy.json") await writeFile(path, JSON.stringify(policy));
  else if (name === "claims.json") await writeFile(path, JSON.stringify(claims));
  else if (name === "alexnet.onnx") await writeFile(path, tinyClassifier("none"));
  else if (name === "model.json") await writeFile(path, JSON.stringify(tinyManifest));
  else if (name === "pictures") {
    await mkdir(path);
    for (const colour of ["red", "green", "blue"] as const) {
      const bytes = await flat(colour).png().toBuffer();
      for (let copy = 0; copy < 6; copy += 1) {
        await writeFile(join(path, `${colour}-${copy}.png`), bytes);
      }
    }
  } else await writeFile(path, await red());
}

/** A command's examples, one line each, with placeholders replaced by what the emulator has. */
function examplesOf(command: string): string[] {
  const [, text = ""] = (help[command] ?? "").split("\nExamples\n");
  const isVaults = command.startsWith("key ");
  return text
    .replaceAll("\\\n", " ")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) =>
      line
        .trim()
        .replaceAll("https://NAME.managedhsm.azure.net", vaultUrl)
        .replaceAll("https://NAME.weu.attest.azure.net", attestationUrl)
        .replaceAll("5f1f…", mrenclave),
    )
    .map((line) => (isVaults ? `${line} ${scene.standIn.join(" ")}` : line));
}

/** Runs lines in a shell in which `confml` is the built command and `curl` prints an encrypted answer. */
async function run(folder: string, lines: string[]): Promise<{ code: unknown; stderr: string }> {
  const functions = [
    `confml() { '${process.execPath}' '${main}' "$@"; }`,
    "curl() { cat answer.jwe; }",
  ];
  const child = spawn("/bin/sh", ["-ec", [...functions, ...lines].join("\n")], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", ...scene.login },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  return { code, stderr };
}

test.each(Object.keys(inputs))("the examples of confml %s --help work", async (command) => {
  const folder = await mkdtemp(join(scene.folder, "examples-"));
  for (const name of inputs[command] ?? []) await provide(folder, name);
  await cp(join(scene.folder, "ca.pem"), join(folder, "ca.pem"));
  const lines = examplesOf(command);
  expect(lines.length).toBeGreaterThan(0);
  const { code, stderr } = await run(folder, lines);
  expect([code, stderr.replace(/^confml: warning: .*\n/gmu, "")]).toEqual([0, ""]);
  await rm(folder, { recursive: true });
});

test("every command has examples", () => {
  const withSubcommands = ["key", "model", "receipt"];
  // Their examples need an attested server: test/e2e/attested-session.test.ts runs them.
  const withServer = ["classify", "verify", "receipt verify"];
  const names = Object.keys(help).filter((name) => !withSubcommands.includes(name));
  expect(names.filter((name) => !withServer.includes(name))).toEqual(Object.keys(inputs));
  for (const name of names) expect(help[name]).toMatch(/\nExamples?\n {2}(?:confml|curl) /u);
});
