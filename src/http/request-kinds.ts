import type { Express } from "express";
import type { ModelDescription } from "../inference/classifier.js";
import { noRoute, type RequestSummary } from "./app.js";
import { statuses } from "./problems.js";
import type { Operation } from "./openapi/operation.js";
import type { RequestErrorCode } from "./request-error.js";
import { routes } from "./routes.js";

/** What tells kinds of requests apart in the metrics. */
export type RequestKind = Omit<RequestSummary, "tookMs" | "requestId">;

/** An answer: its status, and the error's code where it is one. */
type Answer = Pick<RequestKind, "status" | "code">;

const closedByClient: Answer = { status: 499, code: undefined };
const methods = ["GET", "HEAD", "POST", "other"];

/**
 * The kinds of requests that the application answers, for metrics that exist before the first of them: each route's
 * methods with the answers and errors of its description for OpenAPI.
 */
export function requestKinds(app: Express, model: ModelDescription): RequestKind[] {
  const operations = routes.flatMap((route) => route.operations(model));
  const known = app.router.stack.flatMap(({ route }) => (route === undefined ? [] : [route]));
  return [
    ...known.flatMap(({ path, stack }) => {
      const taken = methodsOf(stack);
      return methods.flatMap((method) =>
        kinds(
          path,
          method,
          taken.has(method)
            ? answersOf(operations.find((operation) => describes(operation, path, method)))
            : [error("METHOD_NOT_ALLOWED")],
        ),
      );
    }),
    // The limit for requests (request-rate.ts) and preflight requests (cors.ts) are answered before a route is looked for.
    ...methods.flatMap((method) =>
      kinds(noRoute, method, [error("NOT_FOUND"), error("RATE_LIMITED")]),
    ),
    ...kinds(noRoute, "other", [{ status: 204, code: undefined }]),
  ];
}

function methodsOf(handlers: readonly { method?: string }[]): Set<string> {
  const taken = new Set(handlers.flatMap(({ method }) => method?.toUpperCase() ?? []));
  // Express answers HEAD with the handlers of GET.
  return taken.has("GET") ? taken.add("HEAD") : taken;
}

/** @param path of a route of Express: `/v2/models/:name` where OpenAPI has `/v2/models/{name}` */
function describes(operation: Operation, path: string, method: string): boolean {
  return (
    operation.path.replaceAll(/\{(\w+)\}/gu, ":$1") === path &&
    operation.method === (method === "POST" ? "post" : "get")
  );
}

function answersOf({ answers, errors }: Pick<Operation, "answers" | "errors"> = undescribed) {
  return [
    ...answers.map(({ status = 200 }): Answer => ({ status, code: undefined })),
    ...errors.map(error),
    error("INTERNAL"),
    closedByClient,
  ];
}

/** A route that is not in the document, such as the document's own. */
const undescribed: Pick<Operation, "answers" | "errors"> = {
  answers: [{ description: "", content: {} }],
  errors: [],
};

function error(code: RequestErrorCode): Answer {
  return { status: statuses[code], code };
}

function kinds(route: string, method: string, answers: readonly Answer[]): RequestKind[] {
  return answers.map((answer) => ({ method, route, ...answer }));
}
