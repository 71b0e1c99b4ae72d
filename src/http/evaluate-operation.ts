import { z } from "zod";
import {
  bytesContent,
  classificationErrors,
  textContent,
  type Operation,
} from "./openapi/operation.js";

const milliseconds = z.number().min(0);

/** The JSON answer of `POST /evaluate` (answer.ts). */
export const evaluateAnswer = z.object({
  model: z.object({ name: z.string(), version: z.string() }),
  image: z.object({
    width: z.int(),
    height: z.int(),
    format: z.string(),
    encrypted: z.boolean(),
    authenticated: z
      .literal(false)
      .optional()
      .describe("In encrypted answers to `.encrypted` uploads, which anybody may have altered."),
  }),
  predictions: z.array(
    z.object({
      rank: z.int().min(1),
      index: z.int().min(0),
      label: z.string(),
      probability: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe("Absent where Results.Probabilities withholds it."),
    }),
  ),
  timings_ms: z.object({ queue: milliseconds, decode: milliseconds, inference: milliseconds }),
  request: z
    .string()
    .optional()
    .describe("In encrypted answers: SHA-256 of the upload as it came, in hexadecimal."),
  receipt: z.string().optional().describe("JWS (RFC 7515), where one was asked for."),
});

export const evaluateOperation: Operation = {
  method: "post",
  path: "/evaluate",
  id: "evaluate",
  summary: "Classifies one picture",
  description:
    "The file's name says its format: `.encrypted`, `.jwe` (or a part of the type application/jose), anything else is a " +
    "plain picture. A JWE is answered as JWE under the same key, unless Results.Encrypt is `never`.",
  parameters: [
    {
      name: "top",
      in: "query",
      description: "Labels of the answer, at most Results.MaxTop. Default: 5.",
      schema: z.int().min(1),
      example: 1,
    },
  ],
  request: {
    "multipart/form-data": {
      schema: z.object({ image: z.unknown().meta({ description: "The file." }) }),
    },
  },
  answers: [
    {
      description: "The most probable labels.",
      content: {
        "text/plain": textContent,
        "application/json": { schema: evaluateAnswer },
        "application/jose": bytesContent,
      },
    },
  ],
  errors: ["IMAGE_MISSING", ...classificationErrors],
};
