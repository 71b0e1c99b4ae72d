import { execFile, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createCipheriv } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { CompactEncrypt, FlattenedEncrypt, compactDecrypt } from "jose";
import { projectFolder } from "../../scripts/project.js";
import { flat } from "../helpers/pictures.js";
import { imageKeys, testApp } from "../helpers/test-app.js";
import { changeJson, sha256, startBehind, type Answer, type Change } from "./answering-server.js";

/** The first has the packages of Debian, wherever another Python comes first in PATH. */
const python = ["/usr/bin/python3", "python3"].find(
  (one) => spawnSync(one, ["-c", "import requests, jwcrypto"]).status === 0,
);
const describeWithPython = python === undefined ? describe.skip : describe;
if (python === undefined) {
  process.stderr.write(
    "skipped: the Python client needs python3 with requests and jwcrypto (Debian: python3-requests, python3-jwcrypto)\n",
  );
}

const key = imageKeys.First;
const unchanged: Change = (answer) => answer;
const answered =
  (change: Partial<Answer>): Change =>
  (answer) => ({ ...answer, ...change });
const problem = (code: string, detail = "later"): string =>
  JSON.stringify({ type: "about:blank", title: code, status: 503, detail, code });
const busyFor =
  (times: number, retryAfter: string): Change =>
  (answer) =>
    answer.count >= times
      ? answer
      : {
          ...answer,
          status: 503,
          headers: { "Content-Type": "application/problem+json", "Retry-After": retryAfter },
          body: problem("OVERLOADED"),
        };

/** Encrypts the answer again, in another form; without the form the client would accept it. */
function resealed(seal: (json: Uint8Array) => string | Promise<string>): Change {
  return async (answer) => {
    const { plaintext } = await compactDecrypt(answer.body, key);
    return { ...answer, body: await seal(plaintext) };
  };
}

/** JWE with `dir` and any header, whose content is as it is given. */
function sealDirectly(header: object, content: Uint8Array): string {
  const encoded = Buffer.from(JSON.stringify(header)).toString("base64url");
  const iv = Buffer.alloc(12, 7);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(encoded));
  const ciphertext = Buffer.concat([cipher.update(content), cipher.final()]);
  const parts = [Buffer.alloc(0), iv, ciphertext, cipher.getAuthTag()];
  return [encoded, ...parts.map((part) => part.toString("base64url"))].join(".");
}

const changes: Record<string, Change> = {
  direct: resealed((json) => sealDirectly({ alg: "dir", enc: "A256GCM" }, json)),
  compressed: resealed((json) =>
    sealDirectly({ alg: "dir", enc: "A256GCM", zip: "DEF" }, deflateRawSync(json)),
  ),
  jsonForm: resealed(async (json) =>
    JSON.stringify(
      await new FlattenedEncrypt(json)
        .setProtectedHeader({ alg: "A256KW", enc: "A256GCM" })
        .encrypt(key),
    ),
  ),
  otherAlgorithm: resealed((json) =>
    new CompactEncrypt(json)
      .setProtectedHeader({ alg: "A256KW", enc: "A256CBC-HS512" })
      .encrypt(key),
  ),
  endless: answered({ body: "A".repeat(17_000_000) }),
  honest: unchanged,
  busy: busyFor(2, "3"),
  alwaysBusy: busyFor(Infinity, "7"),
  busyWithoutTime: busyFor(1, "soon"),
  plain: (answer) =>
    answered({
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ request: sha256(answer.upload) }),
    })(answer),
  mislabelled: answered({ body: '{"predictions":[]}' }),
  otherUpload: changeJson(key, (json) => ({ ...json, request: sha256("other") })),
  noDigest: changeJson(key, (json) => ({ ...json, request: undefined })),
  noPredictions: changeJson(key, (json, { upload }) => ({
    ...json,
    predictions: [],
    request: sha256(upload),
  })),
  noObject: changeJson(key, () => []),
  otherKey: async (answer) => ({
    ...answer,
    body: await new CompactEncrypt(Buffer.from("{}"))
      .setProtectedHeader({ alg: "A256KW", enc: "A256GCM" })
      .encrypt(imageKeys.Second),
  }),
  tampered: (answer) =>
    answered({
      body: `${answer.body.slice(0, -6)}${answer.body.endsWith("AAAAAA") ? "B" : "A"}AAAAA`,
    })(answer),
  itsOwnUpload: (answer) => answered({ body: answer.upload })(answer),
  redirected: answered({ status: 307, headers: { Location: "http://127.0.0.1:9/" }, body: "" }),
  proxy: answered({ status: 502, body: "<html>\u001b[31m" }),
  escaping: answered({
    status: 415,
    headers: { "Retry-After": "1" },
    body: problem("IMAGE_UNSUPPORTED", "a\u001b[31mb\u2028c"),
  }),
};

let close = (): void => undefined;
let url = "";
let folder = "";

beforeAll(async () => {
  ({ url, close } = await startBehind((await testApp()).app, changes));
  folder = await mkdtemp(join(tmpdir(), "confml-python-"));
});

afterAll(async () => {
  close();
  await rm(folder, { recursive: true });
});

function run(
  args: readonly string[],
  input = "",
): Promise<{ status: number; stdout: string; stderr: string }> {
  const PYTHONPATH = join(projectFolder, "client/python");
  const env = { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: "1" };
  return new Promise((resolve) => {
    const child = execFile(
      python ?? "",
      ["-W", "error::SyntaxWarning", ...args],
      { env, cwd: folder },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
        resolve({ status, stdout, stderr });
      },
    );
    child.stdin?.end(input);
  });
}

async function outcomesOf(kid: string, secret: Uint8Array, names: readonly string[]) {
  const picture = await flat("red").png().toBuffer();
  const cases = {
    url,
    kid,
    names,
    key: Buffer.from(secret).toString("hex"),
    picture: picture.toString("hex"),
  };
  const { stdout, stderr } = await run(
    [join(projectFolder, "test/client/python-cases.py")],
    JSON.stringify(cases),
  );
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Record<string, unknown>;
}

describeWithPython("the Python client", () => {
  test("classifies, repeats what the server asks for, and refuses every other answer", async () => {
    const rejected = (message: string) => ({
      code: "ANSWER_REJECTED",
      message: expect.stringContaining(message),
      waits: [],
    });
    const labels = {
      labels: ["red", expect.any(String)],
      request: expect.stringMatching(/^[0-9a-f]{64}$/u),
    };
    const busy = { code: "OVERLOADED", status: 503, message: "later" };
    expect(await outcomesOf("First", key, Object.keys(changes))).toEqual({
      direct: { ...labels, waits: [] },
      compressed: rejected("expected a JWE"),
      jsonForm: rejected("expected a JWE"),
      otherAlgorithm: rejected("expected a JWE"),
      endless: rejected("at most 16777216 bytes"),
      honest: { ...labels, waits: [] },
      busy: { ...labels, waits: [3, 3] },
      alwaysBusy: { ...busy, waits: [7, 7, 7, 7] },
      busyWithoutTime: { ...busy, waits: [] },
      plain: rejected("expected application/jose, encrypted as the picture was"),
      mislabelled: rejected("expected a JWE"),
      otherUpload: rejected("answer to another one"),
      noDigest: rejected("answer to another one"),
      noPredictions: rejected("expected a classification"),
      noObject: rejected("expected a classification"),
      otherKey: rejected("under the picture's key"),
      tampered: rejected("under the picture's key"),
      itsOwnUpload: rejected("under the picture's key"),
      redirected: { code: "HTTP_307", status: 307, message: expect.any(String), waits: [] },
      proxy: { code: "HTTP_502", status: 502, message: expect.any(String), waits: [] },
      escaping: { code: "IMAGE_UNSUPPORTED", status: 415, message: "a [31mb c", waits: [] },
    });
  });

  test("reports the server's own errors by code", async () => {
    const code = { code: "ENCRYPTED_IMAGE_REJECTED", status: 422 };
    expect(await outcomesOf("First", imageKeys.Second, ["honest"])).toMatchObject({ honest: code });
    expect(await outcomesOf("Nobody", key, ["honest"])).toMatchObject({ honest: code });
  });

  test("is a command, whose exit code says whether every picture was classified", async () => {
    await writeFile(join(folder, "first.key"), key, { mode: 0o600 });
    await writeFile(join(folder, "red.png"), await flat("red").png().toBuffer());
    const program = join(projectFolder, "client/python/confml_client.py");
    const command = [program, `${url}/honest`, "--key", "first.key", "--kid", "First"];
    const good = await run([...command, "--top", "1", "red.png"]);
    expect(good).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^red\.png: \d+ x \d+ png\n {2}1\. +[\d.]+ % {2}red\n$/u),
      stderr: "",
    });
    const mixed = await run([...command, "--json", "missing.png", "red.png"]);
    expect([mixed.status, mixed.stderr]).toEqual([
      1,
      expect.stringMatching(/^missing\.png: error: /u),
    ]);
    expect(JSON.parse(mixed.stdout)).toMatchObject({
      file: "red.png",
      predictions: [{ label: "red" }, {}, {}],
    });
    const short = await run([program, url, "--key", "red.png", "--kid", "First", "red.png"]);
    expect([short.status, short.stderr]).toEqual([2, expect.stringContaining("a key of 32 bytes")]);
    expect(short.stderr).not.toContain("Traceback");
  });
});

describeWithPython("docs/python.md", () => {
  test("has commands and a program that work", async () => {
    const page = await readFile(join(projectFolder, "docs/python.md"), "utf8");
    const here = (text: string): string =>
      text
        .replaceAll("http://127.0.0.1:8000", `${url}/honest`)
        .replaceAll("AlexNetSealKey", "First");
    await mkdir(join(folder, ".demo/keys"), { recursive: true });
    await writeFile(join(folder, ".demo/keys/seal.key"), key, { mode: 0o600 });
    for (const name of ["client", "models"])
      await symlink(join(projectFolder, name), join(folder, name));
    const blocks = (language: string): string[] =>
      [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "gmsu"))].map(
        ([, text = ""]) => text,
      );
    const notebook = await run(["-c", here(blocks("python").join("\n"))]);
    expect([notebook.status, notebook.stderr]).toEqual([0, ""]);
    expect(notebook.stdout).toContain("ENCRYPTED_IMAGE_REJECTED 422");
    expect(notebook.stdout.trim().split("\n")).toHaveLength(3 + 1 + 1 + 3);
    const commands = blocks("console").flatMap((text) => text.trim().split("\n"));
    expect(commands).toHaveLength(2);
    for (const command of commands) {
      const [, program, ...words] = here(command).replace(/^\$ /u, "").split(" ");
      expect(await run([program ?? "", ...words])).toMatchObject({ status: 0, stderr: "" });
    }
  });
});
