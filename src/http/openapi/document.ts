import { z } from "zod";
import type { RequestErrorCode } from "../request-error.js";
import { openInferenceError, problemDetails, statuses } from "../problems.js";
import { textContent, type Content, type Operation } from "./operation.js";

/** The part of a document that JSON can express. */
type Json = Readonly<Record<string, unknown>>;

/**
 * Writes an OpenAPI 3.1 document.
 *
 * @param version of the server
 */
export function toDocument(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    (paths[operation.path] ??= {})[operation.method] = toOperation(operation);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "confml",
      version,
      description:
        "A confidential inference server: it classifies encrypted pictures inside a trusted execution environment.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [],
    paths,
  };
}

function toOperation(operation: Operation): Json {
  const { id, summary, description, parameters = [], request, answers } = operation;
  return {
    operationId: id,
    summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && {
      parameters: parameters.map(({ schema, ...parameter }) => ({
        ...parameter,
        ...(parameter.in === "path" && { required: true }),
        schema: toJsonSchema(schema, "input"),
      })),
    }),
    ...(request && { requestBody: { required: true, content: toContent(request, "input") } }),
    responses: {
      ...Object.fromEntries(
        answers.map(({ status = 200, description: text, content, headers }) => [
          status,
          {
            description: text,
            ...(headers && { headers: toHeaders(headers) }),
            content: toContent(content, "output"),
          },
        ]),
      ),
      ...toErrors(operation),
    },
  };
}

/** The answers to errors, one for each status, except those that `answers` describes. */
function toErrors({ path, errors, answers }: Operation): Json {
  const byStatus = new Map<number, RequestErrorCode[]>();
  for (const code of new Set([...errors, ...commonErrors(path)])) {
    const codes = byStatus.get(statuses[code]) ?? [];
    byStatus.set(statuses[code], [...codes, code]);
  }
  for (const { status = 200 } of answers) byStatus.delete(status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      { description: codes.join(", "), content: toContent(errorContent(path, codes), "output") },
    ]),
  );
}

/** The codes of every request; health checks are not counted (request-rate.ts). */
function commonErrors(path: string): readonly RequestErrorCode[] {
  return path.startsWith("/v2/health/") ? ["INTERNAL"] : ["RATE_LIMITED", "INTERNAL"];
}

function errorContent(path: string, codes: readonly RequestErrorCode[]): Record<string, Content> {
  const code = z.enum(codes);
  if (path.startsWith("/v2")) {
    return { "application/json": { schema: openInferenceError.extend({ code }) } };
  }
  return {
    "application/problem+json": { schema: problemDetails.extend({ code }) },
    "text/plain": textContent,
  };
}

function toHeaders(headers: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: "string" } },
    ]),
  );
}

function toContent(contents: Readonly<Record<string, Content>>, io: "input" | "output"): Json {
  return Object.fromEntries(
    Object.entries(contents).map(([type, { schema, examples }]) => [
      type,
      { schema: toJsonSchema(schema, io), ...(examples && { examples }) },
    ]),
  );
}

function toJsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const entries = Object.entries(z.toJSONSchema(schema, { io }));
  return Object.fromEntries(entries.filter(([name]) => name !== "$schema"));
}
