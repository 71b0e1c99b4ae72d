import * as z from "zod";
import { VerificationError } from "./verification-error.js";

const predictionSchema = z.object({
  rank: z.int().min(1),
  index: z.int().min(0),
  label: z.string(),
  /** 0 to 1; absent where the server's configuration withholds probabilities. */
  probability: z.number().min(0).max(1).optional(),
});

const classificationSchema = z.object({
  model: z.object({ name: z.string(), version: z.string() }),
  image: z.object({
    width: z.int().min(1),
    height: z.int().min(1),
    format: z.string(),
    encrypted: z.boolean(),
    authenticated: z.literal(false).optional(),
  }),
  predictions: z.array(predictionSchema).min(1),
  /** SHA-256 of the uploaded file, hexadecimal; in answers that are encrypted. */
  request: z.string().optional(),
  /** JWS in compact serialization. */
  receipt: z.string().optional(),
});

/** What the server's JSON answer says, best label first. */
export type Classification = z.infer<typeof classificationSchema>;

/**
 * Reads the JSON answer of `POST /evaluate`.
 *
 * @throws VerificationError ANSWER_REJECTED
 */
export function readClassification(text: string): Classification {
  try {
    return classificationSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new VerificationError("ANSWER_REJECTED", "the answer: expected a classification (JSON)", {
      cause,
    });
  }
}
