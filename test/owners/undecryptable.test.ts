import { randomBytes } from "node:crypto";
import { expect, test } from "@jest/globals";
import { explainUndecryptable } from "../../owners/undecryptable.js";
import { sealJwe } from "../../src/crypto/jwe.js";

const secret = randomBytes(32);
const jwe = await sealJwe(secret, Buffer.from("a picture"), { kid: "DataKey/1\u001b[2J" });
const problem = {
  type: "about:blank",
  status: 415,
  code: "IMAGE_UNSUPPORTED",
  detail: "expected a JPEG",
};
const compact = (header: object): string =>
  `${Buffer.from(JSON.stringify(header)).toString("base64url")}.AAAA.AAAA.AAAA.AAAA`;

function explain(content: string | Uint8Array, input = "-"): string[] {
  const bytes = Buffer.from(content);
  const token = Buffer.from(bytes.toString("latin1").trim(), "latin1");
  const { message, hints } = explainUndecryptable({ input, bytes, token, keyFile: "data.key" });
  return [message, ...hints];
}

test.each([
  ["a server's error as a line", "OVERLOADED: try again soon", "error: OVERLOADED: try again soon"],
  [
    "a server's error as JSON",
    JSON.stringify(problem),
    "error: IMAGE_UNSUPPORTED: expected a JPEG",
  ],
  ["an error of the Open Inference Protocol", '{"error":"no such model"}', "error: no such model"],
  ["nothing", "", "standard input: expected a JWE; got nothing"],
  ["line breaks alone", "\r\n\n", "got nothing"],
  ["a plain JSON answer", '{"image":{},"predictions":[]}', "answer is not encrypted"],
  ["a plain text answer", "file inferenced successfully.\nReturn top 1", "answer is not encrypted"],
  ["an HTML page", "<!DOCTYPE html><html></html>", "got an HTML or XML page"],
  ["a JWT", compact({ alg: "RS256" }).split(".").slice(0, 3).join("."), "a signed token"],
  ["a JWE that was cut off", compact({ alg: "dir" }).split(".").slice(0, 2).join("."), "got 2"],
  ["another algorithm", compact({ alg: "RSA-OAEP", enc: "A256GCM" }), "alg RSA-OAEP, enc A256GCM"],
  ["a JWE in JSON", '{"protected":"e30","ciphertext":"AAAA"}', "got one in JSON"],
  ["whole blocks of bytes", Buffer.alloc(4096, 0xff), "may be an .encrypted file"],
  ["other bytes", Buffer.alloc(4095, 0xff), "got 4095 bytes of something else"],
  ["other text", "hello, world 123", "got 16 bytes of something else"],
])("explains that the input is %s", (_what, content, message) => {
  const [line = "", ...hints] = explain(content);
  expect(line).toContain(message);
  expect([line, ...hints].join("")).not.toMatch(/[\p{Cc}]/u);
});

test("names the key file and the kid of a JWE that the key does not open", () => {
  const [line = ""] = explain(`${jwe}\n`, "answer.jwe");
  expect(line).toBe(
    'answer.jwe: not a JWE under this key: a JWE with the kid "DataKey/1\\u001b[2J" that data.key does not open',
  );
});

test("recognises an .encrypted file by its name as well", () => {
  expect(explain("short", "picture.jpg.encrypted").join("\n")).toMatch(
    /got an \.encrypted file .*\n.*openssl enc -d/u,
  );
});

test("shows control characters of an error message as replacement characters, and cuts a long one", () => {
  expect(explain(`CODE: \u001b[2J${"x".repeat(1000)}`)[0]).toMatch(
    /: CODE: \uFFFD\[2Jx{400,500}…$/u,
  );
});

test("does not repeat anything else of the input", () => {
  for (const content of [`hello ${secret.toString("hex")}`, `<html>${secret.toString("hex")}`]) {
    expect(explain(content).join("\n")).not.toContain(secret.toString("hex"));
  }
});
