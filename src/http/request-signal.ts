import type { RequestHandler, Response } from "express";
import { RequestError } from "./request-error.js";
import { Deadline } from "../bounds/deadline.js";

/** @returns a signal that aborts when the request's deadline has passed or its connection is closed */
export function requestSignal(response: Response, timeoutMs: number): AbortSignal {
  const deadline = new Deadline(timeoutMs);
  response.once("close", () => {
    deadline.abort(new Error("the client disconnected, or has its answer"));
  });
  return deadline.signal;
}

/** A handler that refuses requests while the server stops, with SHUTTING_DOWN. */
export function refuseWhen(isStopping: () => boolean): RequestHandler {
  return (_request, _response, next) => {
    if (!isStopping()) {
      next();
      return;
    }
    throw new RequestError("SHUTTING_DOWN", "the server is stopping; try another, or again soon");
  };
}
