import type { RequestHandler } from "express";

/** What a page may send besides the headers that the Fetch standard always permits. */
const requestHeaders =
  "Accept-Receipt, Content-Type, Inference-Header-Content-Length, Receipt, traceparent";
/** What a page may read besides the headers that the Fetch standard always permits. */
const answerHeaders =
  "Inference-Header-Content-Length, Receipt, Retry-After, Server-Timing, X-Request-Id";
/** For how long a browser may remember the answer to a preflight request. */
const preflightSeconds = 600;

/**
 * Permits pages of some origins to read the answers (CORS: Fetch standard, section 3.3). Credentials are never permitted: the
 * server knows none. To other origins, and without `Origin`, the server answers as if there were no CORS.
 *
 * @param origins compared exactly; none: no page is permitted anything
 */
export function allowOrigins(origins: readonly string[]): RequestHandler {
  const allowed = new Set(origins);
  return (request, response, next) => {
    const { origin } = request.headers;
    if (allowed.size > 0) response.vary("Origin");
    if (origin === undefined || !allowed.has(origin)) {
      next();
      return;
    }
    response.set({
      "Access-Control-Allow-Origin": origin,
      "Access-Control-Expose-Headers": answerHeaders,
    });
    const isPreflight =
      request.method === "OPTIONS" &&
      request.headers["access-control-request-method"] !== undefined;
    if (!isPreflight) {
      next();
      return;
    }
    response
      .set({
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": requestHeaders,
        "Access-Control-Max-Age": String(preflightSeconds),
      })
      .status(204)
      .end();
  };
}
