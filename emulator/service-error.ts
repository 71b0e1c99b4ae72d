import type { NextFunction, Request, Response } from "express";

/** A refusal in the format of Azure's services: `{"error":{"code","message"}}`. */
export class ServiceError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The error handler of services that answer in this format. */
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
