import type { IRouter } from "express";
import { z } from "zod";
import type { RequestErrorCode } from "../request-error.js";
import type { ModelDescription } from "../../inference/classifier.js";

/** A route: its handlers, and their description for /openapi.json. */
export interface Route<Options> {
  register(router: IRouter, options: Options): void;
  /** @param model whose name and version the examples use */
  operations(model: ModelDescription): readonly Operation[];
}

/** The options of several routes together. */
export type RouteOptionsOf<Routes extends Route<never>> = Intersection<
  Routes extends Route<infer Options> ? Options : never
>;

type Intersection<Union> = (Union extends unknown ? (one: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;

/** An operation (OpenAPI 3.1, section 4.8.10), with zod schemas in place of JSON Schema. */
export interface Operation {
  method: "get" | "post";
  /** The path, with parameters in braces: `/v2/models/{name}`. */
  path: string;
  /** The operation's ID, which is unique in the document. */
  id: string;
  summary: string;
  description?: string;
  /** All parameters in `path`, in the query and in the headers. */
  parameters?: readonly Parameter[];
  request?: Readonly<Record<string, Content>>;
  answers: readonly Answer[];
  /** The codes of its errors, apart from INTERNAL and RATE_LIMITED, which document.ts adds. */
  errors: readonly RequestErrorCode[];
}

export interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  description: string;
  schema: z.ZodType;
  /** A value with which the server answers; for all parameters in a path. */
  example?: string | number;
}

export interface Answer {
  /** Default: 200. */
  status?: number;
  description: string;
  content: Readonly<Record<string, Content>>;
  headers?: Readonly<Record<string, string>>;
}

/** A body of one media type. */
export interface Content {
  schema: z.ZodType;
  /** Requests which the server answers, by name; a test sends them. */
  examples?: Readonly<Record<string, { summary: string; value: unknown }>>;
}

export const textContent: Content = { schema: z.string() };

/** Bytes, which JSON Schema describes without a type (OpenAPI 3.1, section 4.8.14.3). */
export const bytesContent: Content = { schema: z.unknown() };

/** The codes of every request that classifies pictures. */
export const classificationErrors: readonly RequestErrorCode[] = [
  "UPLOAD_MALFORMED",
  "PARAMETER_INVALID",
  "FORMAT_REFUSED",
  "NOT_ACCEPTABLE",
  "UPLOAD_TOO_SLOW",
  "UPLOAD_TOO_LARGE",
  "IMAGE_TOO_LARGE",
  "IMAGE_UNSUPPORTED",
  "ENCRYPTED_IMAGE_REJECTED",
  "ATTESTATION_OUTDATED",
  "RATE_LIMITED",
  "MODEL_FAILED",
  "MODEL_TIMEOUT",
  "DECODE_TIMEOUT",
  "OUT_OF_MEMORY",
  "OVERLOADED",
  "SHUTTING_DOWN",
  "EVIDENCE_UNAVAILABLE",
];
