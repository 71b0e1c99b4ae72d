import assert from "node:assert/strict";
import { takeKey } from "../../src/crypto/aes-key.js";
import { isAttested, openAttestedJwe } from "../../src/crypto/attested-jwe.js";
import { EcdhKey } from "../../src/crypto/ecdh-key.js";
import { openJwe, readKid } from "../../src/crypto/jwe.js";
import { formatOf, uploadFormats } from "../../src/http/formats.js";
import { RequestError } from "../../src/http/request-error.js";
import type { UploadFormat } from "../../src/http/upload-format.js";
import { ImageKeys } from "../../src/keys/image-keys.js";
import { sealAttested, sealByHand } from "../../test/helpers/attested-uploads.js";
import { jweKey, sealToken } from "../jwe-token.js";
import type { Target } from "../target.js";

/** An upload: a line with the file's name, a line with the media type, then the bytes. */
export const upload: Target = {
  name: "upload",
  parsers: [
    "src/http/formats.ts",
    "src/crypto/attested-jwe.ts",
    ...["plain", "encrypted", "jwe", "attested"].map((name) => `src/http/formats/${name}.ts`),
  ],
  mutation: "bytes",
  maxBytes: 8192,
  dictionary: ["\n", "\r\n", ".jwe", ".encrypted", ".ENCRYPTED", "application/jose"],
  async prepare() {
    const keys = await ImageKeys.create({ ids: ["mine"], legacyId: "old", graceMs: 1 });
    keys.accept("mine", { key: await takeKey(Buffer.from(jweKey), "jwe"), version: "1" });
    keys.accept("old", { key: await takeKey(Buffer.alloc(32, 1), "cbc"), version: "1" });
    const header = Buffer.from('{"alg":"dir","enc":"A256GCM","kid":"mine"}');
    const token = sealToken({ header, content: Buffer.from("a picture"), isWrapped: false });
    const attestedKey = await EcdhKey.create();
    const picture = Buffer.from("a picture");
    const seeds = [
      `a.jwe\n\n${(await sealAttested(picture, attestedKey.publicJwk)).toString()}`,
      `a.jwe\n\n${sealByHand(picture, attestedKey.publicJwk, { header: { top: 1 } }).toString()}`,
      `a.jwe\napplication/jose\n${token}\r\n\n`,
      `a.png.encrypted\nimage/png\n${"x".repeat(32)}`,
      "a.jpg\nimage/jpeg\n",
    ];
    return {
      seeds: seeds.map((seed) => Buffer.from(seed)),
      check: (input) => check(input, { keys, attestedKey }),
    };
  },
};

interface Keys {
  keys: ImageKeys;
  attestedKey: EcdhKey;
}

async function check(input: Uint8Array, { keys, attestedKey }: Keys): Promise<string> {
  const whole = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  const [name = "", mediaType = ""] = whole.toString("utf8").split("\n", 2);
  const bytes = whole.subarray(Buffer.byteLength(`${name}\n${mediaType}\n`));
  const { name: format } = formatOf({ name, mediaType, bytes });
  const token = Buffer.from(bytes.toString("latin1").replace(/[\r\n]+$/u, ""), "latin1");
  const opened: number[] = [];
  for (const uploadFormat of Object.values(uploadFormats)) {
    const each = uploadFormat.name;
    let files = 0;
    for (const { file } of await openAll(uploadFormat, bytes, { keys, attestedKey })) {
      files += 1;
      if (each === "attested") {
        const opened = await openAttestedJwe(token, attestedKey);
        assert.deepEqual(file, opened?.plaintext.subarray(32));
      }
      if (each === "plain") assert.equal(file, bytes);
      if (each === "encrypted") assert.equal(file.length, bytes.length);
      if (each === "jwe") assert.deepEqual(file, await openJwe(token, jweKey));
    }
    if (each === "jwe" && files === 0 && readKid(token) === "mine") {
      assert.equal(await openJwe(token, jweKey), undefined, "a token that is not opened");
    }
    assert(files <= 2, "more files than keys");
    opened.push(files);
  }
  return `${format} ${opened.map((files) => (files > 0 ? "yes" : "no")).join(" ")}`;
}

/** What a format opens; the one documented error is that of another `kid`. */
async function openAll(
  format: UploadFormat,
  bytes: Buffer,
  { keys, attestedKey }: Keys,
): Promise<{ file: Uint8Array }[]> {
  const opened: { file: Uint8Array }[] = [];
  try {
    for await (const one of format.open(bytes, keys, attestedKey)) opened.push(one);
  } catch (error) {
    assert(error instanceof RequestError && error.code === "ATTESTATION_OUTDATED");
    assert(format.name === "attested" && isAttested(bytes));
  }
  return opened;
}
