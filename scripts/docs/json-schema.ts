import { z } from "zod";
import { configSchema } from "../../src/config/schema.js";

type AnySchema = z.core.JSONSchema.BaseSchema;

/** What docs/configuration.md shows of a JSON Schema (draft 2020-12). */
const shownSchema = z.object({
  type: z.string().optional(),
  format: z.string().optional(),
  description: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  multipleOf: z.number().optional(),
  required: z.array(z.string()).default([]),
  get properties() {
    return z.record(z.string(), shownSchema).optional();
  },
  get items() {
    return shownSchema.optional();
  },
});

export type ShownSchema = z.infer<typeof shownSchema>;

/** config.schema.json: config.json as an editor may check it. Rules between two keys are the server's alone. */
export function configJsonSchema(): AnySchema {
  const schema = z.toJSONSchema(configSchema, { io: "input", override: withoutNoise });
  return { title: "confml's config.json", ...schema };
}

/** Reads the parts of a JSON Schema that are shown. @throws z.ZodError for a kind that docs/configuration.md cannot show */
export function readJsonSchema(schema: AnySchema): ShownSchema {
  return shownSchema.parse(schema);
}

/** The bounds of every JavaScript integer say nothing, and `starts_with` is no format of JSON Schema. */
function withoutNoise({ jsonSchema }: { jsonSchema: AnySchema }): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.format === "starts_with") delete jsonSchema.format;
}
