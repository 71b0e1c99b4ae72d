import { createCipheriv } from "node:crypto";
import type { Request } from "express";
import { z } from "zod";
import { keyId, type StoredKey } from "./key-store.js";
import { ServiceError } from "./service-error.js";

/** Entries in a page of a list: few, so that clients have to follow `nextLink`. */
const pageSize = 5;

/** The page of a list that the request's `$skiptoken` names, with the URL of the next one. */
export function pageOf(entries: readonly object[], request: Request): object {
  const start = Number(request.query["$skiptoken"] ?? 0);
  const end = start + pageSize;
  const next = new URL(request.originalUrl, `https://${String(request.headers.host)}`);
  next.searchParams.set("$skiptoken", String(end));
  return {
    value: entries.slice(start, end),
    nextLink: end < entries.length ? next.href : null,
  };
}

/** @returns a key's entry in the vault's answer to a list request: its ID and attributes, without key material */
export function listedKey(key: StoredKey, id: string): object {
  const { enabled, exportable, createdSeconds: created } = key;
  return { kid: id, attributes: { created, updated: created, enabled, exportable } };
}

export const encryptBody = z.object({
  alg: z.literal("A256CBC"),
  value: z.base64url(),
  iv: z.base64url(),
});

/**
 * Encrypts as the vault's operation A256CBC does: AES-256-CBC without padding.
 *
 * @throws ServiceError 403 for a disabled key, 400 for wrong lengths
 */
export function encryptWith(key: StoredKey, { value, iv }: z.infer<typeof encryptBody>): object {
  if (!key.enabled) throw new ServiceError(403, "Forbidden", "The key is disabled.");
  const plaintext = Buffer.from(value, "base64url");
  const vector = Buffer.from(iv, "base64url");
  if (key.secret.length !== 32 || vector.length !== 16 || plaintext.length % 16 !== 0) {
    throw new ServiceError(
      400,
      "BadParameter",
      "A256CBC takes a key of 256 bits, an iv of 16 bytes and whole blocks.",
    );
  }
  const cipher = createCipheriv("aes-256-cbc", key.secret, vector).setAutoPadding(false);
  return { kid: keyId(key), value: cipher.update(plaintext).toString("base64url"), iv };
}
