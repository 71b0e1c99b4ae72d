import type { NextFunction, Request, Response } from "express";

/** A refusal, in the words of Azure's services: `{"error":{"code","message"}}`. */
export class ServiceError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The last handler of a service that answers so. */
export function answerServiceError(
  error: unknown,
  _request: Request,
  response: Response,
  next: NextFunction,
): void {
  if (!(error instanceof ServiceError)) {
    next(error);
    return;
  }
  response.locals["reason"] = error.message;
  response.status(error.status).json({ error: { code: error.code, message: error.message } });
}
