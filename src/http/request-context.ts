import type { Request, Response } from "express";
import { requestIdOf } from "./request-id.js";

/** What the application knows of a request besides what the client sent. */
export interface RequestContext {
  /** In the log line, in the header `X-Request-Id` and in problem details (request-id.ts). */
  readonly id: string;
  /** In milliseconds of `performance.now()`. */
  readonly startedAt: number;
}

const contexts = new WeakMap<Response, RequestContext>();

/** Creates a request's context, and adds its identifier to the answer's headers. */
export function beginContext(request: Request, response: Response): RequestContext {
  const context = {
    id: requestIdOf(request.headers["traceparent"]),
    startedAt: performance.now(),
  };
  contexts.set(response, context);
  response.set("X-Request-Id", context.id);
  return context;
}

/** @throws Error where there is none: the answer is not one of the application's */
export function contextOf(response: Response): RequestContext {
  const context = contexts.get(response);
  if (context === undefined) throw new Error("a request without a context");
  return context;
}
