import express, { type Express } from "express";
import { afterEach, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { problemHandler } from "../../src/http/problems.js";
import { RejectionDelays } from "../../src/http/rejection-delays.js";
import { beginContext } from "../../src/http/request-context.js";
import { RequestError } from "../../src/http/request-error.js";
import { ImageError, type ImageErrorCode } from "../../src/image/image-error.js";
import { ClassifierError, type ClassifierErrorCode } from "../../src/inference/classifier-error.js";

const bugs: unknown[] = [];

afterEach(() => {
  // Only the last test expects one, and takes it.
  expect(bugs).toEqual([]);
});

/** An application whose only route throws an error. */
function throwing(error: unknown): Express {
  const app = express();
  app.get("/", (incoming, response) => {
    beginContext(incoming, response);
    throw error;
  });
  return app.use(
    problemHandler({
      onBug: (bug) => bugs.push(bug),
      requestTimeoutMs: 30_000,
      rejectionDelays: new RejectionDelays({ maxDelayMs: 0 }),
    }),
  );
}

async function answerTo(error: unknown): Promise<[number, string, string | undefined]> {
  const { status, text, headers } = await request(throwing(error)).get("/");
  return [status, text, headers["retry-after"]];
}

const decoder: [ImageErrorCode, number, string, string | undefined][] = [
  ["IMAGE_UNSUPPORTED", 415, "IMAGE_UNSUPPORTED", undefined],
  ["IMAGE_TOO_LARGE", 413, "IMAGE_TOO_LARGE", undefined],
  ["DECODE_TIMEOUT", 503, "DECODE_TIMEOUT", "1"],
  ["OUT_OF_MEMORY", 503, "OUT_OF_MEMORY", "1"],
  ["DECODE_QUEUE_FULL", 503, "OVERLOADED", "1"],
];

const classifier: [ClassifierErrorCode, number, string, string | undefined][] = [
  ["MODEL_FAILED", 500, "MODEL_FAILED", undefined],
  ["MODEL_TIMEOUT", 503, "MODEL_TIMEOUT", "5"],
  ["MODEL_STOPPING", 503, "SHUTTING_DOWN", "5"],
  ["MODEL_QUEUE_FULL", 503, "OVERLOADED", "1"],
];

describe("an error becomes an answer:", () => {
  test.each(decoder)("the decoder's %s is a %d %s", async (code, status, answered, retryAfter) => {
    const answer = await answerTo(new ImageError(code, "why"));
    expect(answer).toEqual([status, `${answered}: why`, retryAfter]);
  });

  test.each(classifier)("the classifier's %s is a %d %s", async (code, status, answered, after) => {
    const answer = await answerTo(new ClassifierError(code, "why"));
    expect(answer).toEqual([status, `${answered}: why`, after]);
  });

  test("a RequestError with a time of its own has that in Retry-After", async () => {
    const error = new RequestError("RATE_LIMITED", "why", { retryAfterSeconds: 42 });
    expect(await answerTo(error)).toEqual([429, "RATE_LIMITED: why", "42"]);
  });

  test("any other error is reported as a bug, and its message is not repeated", async () => {
    const error = Object.assign(new Error("secret"), { code: "IMAGE_UNSUPPORTED" });
    expect(await answerTo(error)).toEqual([500, "INTERNAL: an error of the server's", undefined]);
    expect(bugs.splice(0)).toEqual([error]);
  });
});
