import { execFileSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { encrypt, setScene } from "../helpers/scene.js";
import { flat } from "../helpers/pictures.js";
import { startServer } from "../helpers/server-process.js";
import { answerNaming, upload } from "../helpers/upload.js";

/** Limits files to 512 bytes: a key fits, a picture or a model does not (EFBIG). */
const noLargeFiles = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh"];

describe("plaintext", () => {
  test("could not be written to a disk because of this test's file size limit", () => {
    const write = `
      try { require("node:fs").writeFileSync(process.argv[1], Buffer.alloc(2000)); }
      catch (error) { console.log(error.code); }`;
    const [shell = "", ...rest] = noLargeFiles;
    const file = join(process.env["TMPDIR"] ?? "/tmp", `confml-limit-${process.pid}`);
    const printed = execFileSync(shell, [
      ...rest,
      process.execPath,
      "-e",
      `${write}; require("node:fs").rmSync(process.argv[1], { force: true });`,
      file,
    ]);
    expect(printed.toString()).toBe("EFBIG\n");
  });

  test("never reaches a disk: model, images and pictures of over 100 MB stay in memory", async () => {
    const scene = await setScene();
    try {
      await scene.importKeys();
      const server = await startServer({ ...(await scene.launch()), wrapper: noLargeFiles });
      expect((await readdir(scene.keysFolder)).sort()).toEqual([
        "image.key",
        "model.key",
        "seal.key",
      ]);

      // From 100 MB on, libvips by default decodes pictures that it cannot read row by row into temporary
      // files, such as a WebP that has to be rotated.
      const [width, height] = [7000, 6000];
      const small = await flat("green").png().toBuffer();
      const turned = await flat("red", width, height)
        .withMetadata({ orientation: 6 })
        .webp({ quality: 10, effort: 0 })
        .toBuffer();
      const interlaced = await flat("blue", width, height).png({ progressive: true }).toBuffer();
      for (const [name, picture, label] of [
        ["small.png", small, "green"],
        ["small.png.encrypted", encrypt(small, scene.imageKey), "green"],
        ["turned.webp", turned, "red"],
        ["turned.webp.encrypted", encrypt(turned, scene.imageKey), "red"],
        ["interlaced.png", interlaced, "blue"],
        ["interlaced.png.encrypted", encrypt(interlaced, scene.imageKey), "blue"],
      ] as const) {
        const { status, text } = await upload(server.port, name, picture);
        expect([name, status]).toEqual([name, 200]);
        expect(text).toMatch(answerNaming(label));
      }
      expect(await server.stop()).toBe(0);
      expect(await readdir(scene.keysFolder)).toEqual([]);
    } finally {
      await scene.close();
    }
  });
});
