import { once } from "node:events";
import { createServer, request } from "node:http";
import { randomBytes } from "node:crypto";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import express from "express";
import multer from "multer";
import { z } from "zod";
import { multipartBody } from "../../bench/multipart.js";

const portSchema = z.object({ port: z.number() });

describe("the multipart body", () => {
  test("is parsed by multer to the original file", async () => {
    // With line breaks and dashes, as a boundary has them.
    const file = Buffer.concat([
      Buffer.from("\r\n--\r\n"),
      randomBytes(5000),
      Buffer.from("\r\n--"),
    ]);
    const app = express();
    app.post("/evaluate", multer().single("image"), ({ file: got }, response) => {
      response.json({ name: got?.originalname, bytes: got?.buffer.toString("hex") });
    });
    const server = createServer(app).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const { port } = portSchema.parse(server.address());
      const { headers, body } = multipartBody("dog.jpg.encrypted", file);
      const url = `http://127.0.0.1:${port}/evaluate`;
      const answer = await new Promise<string>((resolve, reject) => {
        const sending = request(url, { method: "POST", headers, agent: false }, (response) => {
          text(response).then(resolve, reject);
        });
        sending.once("error", reject);
        sending.end(body);
      });
      expect(JSON.parse(answer)).toEqual({
        name: "dog.jpg.encrypted",
        bytes: file.toString("hex"),
      });
    } finally {
      server.close();
    }
  });
});
