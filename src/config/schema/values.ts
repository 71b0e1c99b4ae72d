import { z } from "zod";
import { isHttpsOrigin } from "../service-names.js";

export const httpsUrl = z.url({ protocol: /^https$/u, error: "an https:// URL" });

/** The address of a service. A path, a query or credentials would be dropped or sent along unnoticed. */
export const httpsOrigin = httpsUrl.refine(isHttpsOrigin, "an https:// URL without a path");

export const path = z.string().min(1);
export const host = z.string().min(1).default("0.0.0.0").describe("The address to listen on.");

export const tcpPort = z.int().min(0).max(65_535);
export const port = (fallback: number) =>
  tcpPort
    .default(fallback)
    .describe("The TCP port. 0: the system chooses one, and the log names it.");

/** Names for a message or, between backquotes, for a document. */
export const quoted = (names: readonly string[], mark = '"'): string =>
  names.map((name) => `${mark}${name}${mark}`).join(", ");

/** A whole number from `min` to `max`. */
export const limit = (min: number, max: number, fallback: number, description: string) =>
  z.int().min(min).max(max).default(fallback).describe(description);

/** A duration: 1 ms to one day. */
export const milliseconds = (fallback: number) => z.int().min(1).max(86_400_000).default(fallback);
