import { createHash } from "node:crypto";
import { expect, test } from "@jest/globals";
import { describeEncryptedFile } from "../../owners/encrypted-file.js";
import { flat } from "../helpers/pictures.js";

const content = Buffer.from("the encrypted bytes");
const sha256 = createHash("sha256").update(content).digest("hex");

function describeFile(input: string, head: Buffer): string[] {
  return describeEncryptedFile({ input, head, file: `out/${input}.encrypted`, sha256 });
}

function settingsOf(lines: string[]): unknown {
  return JSON.parse(`{${lines.join("\n")}}`);
}

test.each(["png", "jpeg", "webp", "gif", "tiff", "avif"] as const)(
  "shows path and hash of a %s picture, and no settings of a model",
  async (format) => {
    const picture = await flat("red").toFormat(format).toBuffer();
    expect(describeFile("red", picture)).toEqual(["wrote out/red.encrypted", `sha256 ${sha256}`]);
  },
);

test.each([
  ["net.onnx", Buffer.from("\u0008\u0007"), "onnx", /^Put this/u],
  ["net.bin", Buffer.from("\u0018\0\0\0ORTM"), "ort", /^Put this/u],
  ["net.bin", Buffer.from("\u0008\u0007"), "onnx", /^If this is a model, put this/u],
])("shows the settings of config.json for the model %s", (name, plaintext, format, advice) => {
  const [path, hash, line = "", ...settings] = describeFile(name, plaintext);
  expect([path, hash]).toEqual([`wrote out/${name}.encrypted`, `sha256 ${sha256}`]);
  expect(line).toMatch(advice);
  expect(settingsOf(settings)).toEqual({
    Model: {
      Url: `https://HOST/${name}.encrypted`,
      Sha256: sha256,
      Manifest: "/app/model.json",
      Key: "ID",
      Format: format,
    },
  });
});
