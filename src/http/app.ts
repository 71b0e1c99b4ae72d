import express, { type Express, type RequestHandler } from "express";
import { RequestError } from "../errors.js";
import type { PlatformName } from "../platform.js";
import { evaluate, type EvaluateOptions } from "./evaluate.js";
import { onlyGet, onlyPost } from "./methods.js";
import { openInferenceRoutes } from "./open-inference-protocol.js";
import { problemHandler } from "./problems.js";

export interface RequestSummary {
  method: string;
  /** The route's pattern, never the client's own words. */
  route: string;
  status: number;
  code: string | undefined;
  tookMs: number;
}

export interface AppOptions extends EvaluateOptions {
  server: { name: string; version: string };
  /** What the server says it runs on; never a proof. */
  platform: PlatformName;
  isStopping: () => boolean;
  onRequest: (summary: RequestSummary) => void;
  /** An error that is nobody's but ours. */
  onBug: (error: unknown) => void;
}

/** The Express application; it never listens. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", "simple");
  app.use(summarise(options.onRequest), commonHeaders);

  const greeting =
    options.platform === "mystikos-sgx"
      ? "Hello from inside Mystikos!"
      : "Hello from outside any TEE: nothing here is confidential.";
  onlyGet(app, "/", (_request, response) => {
    response.type("text/plain").send(greeting);
  });
  onlyPost(app, "/evaluate", refuseWhen(options.isStopping), evaluate(options));
  app.use(
    openInferenceRoutes({
      model: options.classifier.model,
      server: { ...options.server, platform: options.platform },
      isReady: () => !options.isStopping(),
      keys: options.keys,
    }),
  );
  app.use(() => {
    throw new RequestError("NOT_FOUND", "expected a path of this server's; see its README");
  });
  app.use(problemHandler(options.onBug));
  return app;
}

function summarise(onRequest: AppOptions["onRequest"]): RequestHandler {
  return (request, response, next) => {
    const start = performance.now();
    response.once("close", () => {
      const route: unknown = request.route;
      const code: unknown = response.locals["code"];
      onRequest({
        method: request.method,
        route: routePath(route),
        status: response.writableFinished ? response.statusCode : 499,
        code: typeof code === "string" ? code : undefined,
        tookMs: Math.round(performance.now() - start),
      });
    });
    next();
  };
}

function routePath(route: unknown): string {
  return typeof route === "object" &&
    route !== null &&
    "path" in route &&
    typeof route.path === "string"
    ? route.path
    : "(none)";
}

const commonHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    Vary: "Accept",
  });
  next();
};

function refuseWhen(isStopping: () => boolean): RequestHandler {
  return (_request, _response, next) => {
    if (!isStopping()) {
      next();
      return;
    }
    throw new RequestError("SHUTTING_DOWN", "the server is stopping; try another, or again soon", {
      retryAfterSeconds: 5,
    });
  };
}
