import { attestation } from "./attestation.js";
import { evaluate } from "./evaluate.js";
import { greeting } from "./greeting.js";
import { infer } from "./inference-protocol/infer.js";
import { openApi } from "./openapi/document-route.js";
import type { Route, RouteOptionsOf } from "./openapi/operation.js";
import { openInference } from "./open-inference-protocol.js";

/** All routes of the server. A new one is a file of its own, with its description for OpenAPI, and a line here. */
const described = [greeting, attestation, evaluate, openInference, infer] as const;

export type RouteOptions = RouteOptionsOf<(typeof described)[number]>;

export const routes: readonly Route<RouteOptions>[] = [...described, openApi(described)];
