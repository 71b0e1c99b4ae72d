import { createDecipheriv } from "node:crypto";
import { readFile } from "node:fs/promises";
import express from "express";
import multer from "multer";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";
import { z } from "zod";
import { answer, readJob } from "./job.js";

/**
 * The plain server that confml is compared with: express, multer, sharp and ONNX Runtime with their defaults in one thread,
 * without attestation, limits or a queue.
 */
const job = readJob(z.object({ model: z.string(), manifest: z.string(), key: z.string() }));
const { labels } = z
  .object({ labels: z.array(z.string()) })
  .parse(JSON.parse(await readFile(job.manifest, "utf8")));
const session = await InferenceSession.create(job.model);
const key = await readFile(job.key);

const resize = 256;
const crop = 224;
const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];

async function preprocess(file: Buffer): Promise<Float32Array> {
  const { data, info } = await sharp(file)
    .resize(resize, resize, { fit: "outside" })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const left = Math.round((info.width - crop) / 2);
  const top = Math.round((info.height - crop) / 2);
  const pixels = new Float32Array(3 * crop * crop);
  for (let channel = 0; channel < 3; channel += 1) {
    for (let y = 0; y < crop; y += 1) {
      for (let x = 0; x < crop; x += 1) {
        const value = data[((top + y) * info.width + left + x) * 3 + channel] ?? 0;
        pixels[(channel * crop + y) * crop + x] =
          (value / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1);
      }
    }
  }
  return pixels;
}

function softmax(scores: Float32Array): number[] {
  const largest = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

async function classify(file: Buffer): Promise<string> {
  const input = new Tensor("float32", await preprocess(file), [1, 3, crop, crop]);
  const { output } = await session.run({ input });
  if (!(output?.data instanceof Float32Array)) throw new Error("no output");
  const top = softmax(output.data)
    .map((probability, index) => ({ probability, label: labels[index] ?? "" }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, 5);
  const lines = top.map(({ label, probability }) => `\t('${label}', ${probability * 100})`);
  return ["file inferenced successfully.", "Return top 5 inference results:", ...lines].join("\n");
}

const app = express();
const upload = multer({ storage: multer.memoryStorage() });
app.post("/evaluate", upload.single("image"), async (request, response) => {
  if (request.file === undefined) {
    response.status(400).send("no image");
    return;
  }
  let file = request.file.buffer;
  if (request.file.originalname.endsWith(".encrypted")) {
    const decipher = createDecipheriv("aes-256-cbc", key, Buffer.alloc(16));
    file = Buffer.concat([decipher.update(file), decipher.final()]);
  }
  response.type("text/plain").send(await classify(file));
});
app.get("/health", (_request, response) => {
  response.send("alive");
});
const server = app.listen(0, "127.0.0.1", () => {
  const { port } = z.object({ port: z.number() }).parse(server.address());
  answer({ msg: "listening", port });
});
