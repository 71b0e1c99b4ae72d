import express, { type Express, type RequestHandler } from "express";
import type { ClientLimits } from "./client-limits.js";
import { allowOrigins } from "./cors.js";
import { problemHandler } from "./problems.js";
import { beginContext } from "./request-context.js";
import { RequestError } from "./request-error.js";
import { limitRate } from "./request-rate.js";
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
  /** The trace-id that the client sent, or a random one (request-id.ts). */
  requestId: string;
}

export interface AppOptions extends RouteOptions, ClientLimits {
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
  app.set("trust proxy", (address: string | undefined) => options.trustedProxies.includes(address));
  app.use(summarise(options), commonHeaders);
  app.use(allowOrigins(options.corsOrigins), limitRate(options.requestRate));
  for (const route of routes) route.register(app, options);
  const known = listRoutes(app);
  app.use(() => {
    throw new RequestError("NOT_FOUND", `expected one of ${known}`);
  });
  app.use(problemHandler(options));
  return app;
}

function summarise({
  onRequestStart,
  onRequest,
}: Pick<AppOptions, "onRequestStart" | "onRequest">): RequestHandler {
  return (request, response, next) => {
    const { id: requestId, startedAt } = beginContext(request, response);
    onRequestStart();
    response.once("close", () => {
      const route: unknown = request.route;
      const code: unknown = response.locals["code"];
      onRequest({
        method: request.method,
        route: routePath(route),
        status: response.writableFinished ? response.statusCode : 499,
        code: typeof code === "string" ? code : undefined,
        tookMs: performance.now() - startedAt,
        requestId,
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
