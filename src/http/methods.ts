import type { IRouter, RequestHandler } from "express";
import { RequestError } from "./request-error.js";

/** Registers GET, and with it HEAD, on a path; other methods get METHOD_NOT_ALLOWED with `Allow` (RFC 9110, section 15.5.6). */
export function onlyGet(router: IRouter, path: string, ...handlers: RequestHandler[]): void {
  router
    .route(path)
    .get(...handlers)
    .all(refuseMethod("GET, HEAD"));
}

/** The same for POST. */
export function onlyPost(router: IRouter, path: string, ...handlers: RequestHandler[]): void {
  router
    .route(path)
    .post(...handlers)
    .all(refuseMethod("POST"));
}

function refuseMethod(allowed: string): RequestHandler {
  return (_request, response) => {
    response.set("Allow", allowed);
    throw new RequestError("METHOD_NOT_ALLOWED", `expected ${allowed}`);
  };
}
