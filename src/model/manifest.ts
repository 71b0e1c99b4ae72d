import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ConfigurationError, describeJsonError } from "../errors.js";
import { describeIssue } from "../zod-issues.js";

const threeNumbers = z.tuple([z.number(), z.number(), z.number()]);

/** Receipts are signed over canonical JSON, which has no unpaired surrogates (RFC 8785, section 3.2.2). */
const text = z
  .string()
  .min(1)
  .refine((one) => !/\p{Surrogate}/u.test(one), "a text without unpaired surrogates");

const manifestSchema = z.strictObject({
  name: z.string().regex(/^[0-9A-Za-z][0-9A-Za-z._-]*$/u, {
    error: "a name of letters, digits, dots, hyphens and underscores (it stands in URLs)",
  }),
  version: text,
  input: z.strictObject({
    name: z.string().min(1),
    /** Batch, channels, height, width. A string stands for a batch of any size. */
    shape: z.tuple([
      z.union([z.string(), z.int().min(1)]),
      z.literal(3),
      z.int().min(1),
      z.int().min(1),
    ]),
  }),
  output: z.strictObject({
    name: z.string().min(1),
    type: z.enum(["logits", "probabilities"]),
  }),
  /** Labels of the classes, in the order of the model's scores. */
  labels: z.array(text).min(1),
  preprocessing: z.strictObject({
    /** Pixels of the short side. */
    resize: z.int().min(1).max(4096),
    /** Pixels of the square cut from the middle. */
    crop: z.int().min(1).max(4096),
    channels: z.enum(["RGB", "BGR"]),
    /** Mean and standard deviation of values from 0 to 1, in the order of `channels`. */
    mean: threeNumbers,
    std: z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]),
  }),
  /** Way of loading the weights that the model requires: 8-bit kernels are a hundred times slower without packed weights. */
  weights: z.literal("packed").optional(),
  /** The model's answer to referencePicture(): one number for each label. */
  reference: z.strictObject({ output: z.array(z.number()) }).optional(),
  provenance: z.record(z.string(), z.string()).optional(),
  accuracy: z
    .strictObject({ top1: z.number().min(0).max(1), images: z.int().min(1), data: z.string() })
    .optional(),
});

/** The model owner's description of a model: its input, its output and the meaning of its answers. */
export type Manifest = z.infer<typeof manifestSchema>;

/**
 * Reads and checks `model.json`.
 *
 * @param file path of the manifest
 * @throws ConfigurationError MANIFEST_INVALID
 */
export async function loadManifest(file: string): Promise<Manifest> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw manifestError(file, "a readable JSON file", describeJsonError(cause), cause);
  }
  const parsed = manifestSchema.safeParse(json);
  if (!parsed.success) {
    const [first] = parsed.error.issues.map((issue) => describeIssue(issue, json, manifestSchema));
    if (first === undefined) throw new Error("zod refused a manifest without an issue");
    const { where, expected, got } = first;
    throw manifestError(`${file}: ${where}`, expected, got);
  }
  const { input, preprocessing } = parsed.data;
  const [, , height, width] = input.shape;
  const { crop, resize } = preprocessing;
  if (height !== crop || width !== crop) {
    const got = `${width} × ${height}`;
    throw manifestError(`${file}: input.shape`, `${crop} × ${crop}, what preprocessing cuts`, got);
  }
  if (crop > resize) {
    const got = `${crop} of ${resize}`;
    throw manifestError(`${file}: preprocessing.crop`, "at most preprocessing.resize", got);
  }
  return parsed.data;
}

function manifestError(
  where: string,
  expected: string,
  got: string,
  cause?: unknown,
): ConfigurationError {
  return new ConfigurationError(
    "MANIFEST_INVALID",
    { doing: `reading the manifest ${where}`, expected, got, fix: "Correct the manifest" },
    { cause },
  );
}
