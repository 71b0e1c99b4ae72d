import type { IRouter } from "express";
import { evaluateRoute, type EvaluateOptions } from "./evaluate.js";
import { greetingRoute, type GreetingOptions } from "./greeting.js";
import { openInferenceRoutes, type OpenInferenceOptions } from "./open-inference-protocol.js";

export type RouteOptions = GreetingOptions & EvaluateOptions & OpenInferenceOptions;

/** All routes of the server. A new one is a function in a file of its own, and a line here. */
export const routes: readonly ((router: IRouter, options: RouteOptions) => void)[] = [
  greetingRoute,
  evaluateRoute,
  openInferenceRoutes,
];
