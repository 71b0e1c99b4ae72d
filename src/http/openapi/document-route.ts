import type { Classifier } from "../../inference/classifier.js";
import { onlyGet } from "../methods.js";
import { toDocument } from "./document.js";
import type { Route } from "./operation.js";

export interface OpenApiOptions {
  classifier: Pick<Classifier, "model">;
  server: { version: string };
}

/** `GET /openapi.json`: describes the other routes. */
export function openApi(
  described: readonly Pick<Route<never>, "operations">[],
): Route<OpenApiOptions> {
  return {
    register(router, { classifier, server }) {
      const operations = described.flatMap((route) => route.operations(classifier.model));
      const document = Buffer.from(JSON.stringify(toDocument(operations, server.version)));
      onlyGet(router, "/openapi.json", (_request, response) => {
        response.type("application/json").send(document);
      });
    },
    operations: () => [],
  };
}
