import { randomBytes } from "node:crypto";

/** Version, trace-id, parent-id and flags; later versions may append fields (W3C Trace Context, section 3.2.2). */
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/su;
const noTrace = /^0+$/u;
const forbiddenVersion = "ff";

/**
 * The identifier of a request: the trace-id of a valid `traceparent` (W3C Trace Context, section 3.2), so that the log can be
 * joined with the client's traces, or a random one. Nothing else of the header is used.
 *
 * @param traceparent the request's header; several of them are invalid
 * @returns 32 lower-case hexadecimal digits
 */
export function requestIdOf(traceparent: string | readonly string[] | undefined): string {
  const [, version, traceId, parentId, more] =
    (typeof traceparent === "string" ? pattern.exec(traceparent) : null) ?? [];
  const isValid =
    traceId !== undefined &&
    !noTrace.test(traceId) &&
    !noTrace.test(parentId ?? "") &&
    version !== forbiddenVersion &&
    (version !== "00" || more === undefined);
  return isValid ? traceId : randomBytes(16).toString("hex");
}
