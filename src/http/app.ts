import express, { type Express, type RequestHandler } from "express";
import { RequestError } from "./request-error.js";
import { problemHandler } from "./problems.js";
import { listRoutes } from "./route-list.js";
import { routes, type RouteOptions } from "./routes.js";

/** A finished request, for the log and the metrics. */
export interface RequestSummary {
  method: string;
  /** The route's pattern, never the path that the client sent. */
  route: string;
  /** 499 if the connection was closed before the whole answer was sent. */
  status: number;
  code: string | undefined;
  /** Milliseconds from the end of the request's head to the end of its answer, not rounded. */
  tookMs: number;
}

export interface AppOptions extends RouteOptions {
  /** Called when a request's head has arrived; `onRequest` follows once. */
  onRequestStart: () => void;
  onRequest: (summary: RequestSummary) => void;
  /** Called with errors that the server does not expect. */
  onBug: (error: unknown) => void;
}

/** Creates the Express application. It does not listen. */
export function createApp(options: AppOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.set("query parser", "simple");
  app.use(summarise(options), commonHeaders);
  for (const route of routes) route.register(app, options);
  const known = listRoutes(app);
  app.use(() => {
    throw new RequestError("NOT_FOUND", `expected one of ${known}`);
  });
  app.use(problemHandler(options.onBug));
  return app;
}

function summarise({
  onRequestStart,
  onRequest,
}: Pick<AppOptions, "onRequestStart" | "onRequest">): RequestHandler {
  return (request, response, next) => {
    const start = performance.now();
    onRequestStart();
    response.once("close", () => {
      const route: unknown = request.route;
      const code: unknown = response.locals["code"];
      onRequest({
        method: request.method,
        route: routePath(route),
        status: response.writableFinished ? response.statusCode : 499,
        code: typeof code === "string" ? code : undefined,
        tookMs: performance.now() - start,
      });
    });
    next();
  };
}

/** The route of a request whose path the server does not have. */
export const noRoute = "(none)";

function routePath(route: unknown): string {
  return typeof route === "object" &&
    route !== null &&
    "path" in route &&
    typeof route.path === "string"
    ? route.path
    : noRoute;
}

const commonHeaders: RequestHandler = (_request, response, next) => {
  response.set({
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    Vary: "Accept",
  });
  next();
};
