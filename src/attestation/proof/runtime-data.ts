import { canonicalJson } from "../../crypto/canonical-json.js";
import type { PublicJwk } from "../../crypto/public-jwk.js";
import type { BootKeys } from "./boot-keys.js";

/** A model as runtime data and receipts name it. */
export interface AttestedModel {
  name: string;
  version: string;
  /** Of the encrypted file, 64 lower-case hex digits. */
  sha256: string;
}

/** What this boot of the server is: the same in all evidence and receipts. */
export interface ServerFacts {
  keys: BootKeys;
  /** SHA-256 of config.json, 64 lower-case hex digits. */
  config: string;
  model: AttestedModel;
  /** Of confml. */
  version: string;
}

/** It differs from all other runtime data: a release's has no purpose, and this one no member `keys`. */
const purpose = "confml-client-attestation";

/** A nonce as clients send it: base64url of 16 to 64 bytes. */
export function isNonce(text: string): boolean {
  const bytes = Buffer.from(text, "base64url");
  const isStrict = bytes.toString("base64url") === text;
  return isStrict && bytes.length >= 16 && bytes.length <= 64;
}

/**
 * Writes the runtime data that evidence for clients binds (docs/decisions: "Messages between server and clients"). The
 * asker chooses nothing in it but the nonce.
 *
 * @param nonce of the request, as `isNonce` accepts it
 * @param time by the clock of the host
 * @returns canonical JSON
 */
export function writeRuntimeData(
  { keys, config, model, version }: ServerFacts,
  nonce: string | undefined,
  time: Date,
): Buffer {
  const { name, version: modelVersion, sha256 } = model;
  return Buffer.from(
    canonicalJson({
      purpose,
      ...(nonce === undefined ? {} : { nonce }),
      tls: keys.tls.keySha256.toString("base64url"),
      encryption: toJson(keys.encryption.publicJwk),
      signing: toJson(keys.signing.publicJwk),
      config,
      model: { name, version: modelVersion, sha256 },
      version,
      time: Math.floor(time.getTime() / 1000),
    }),
  );
}

function toJson({ crv, kty, x, y }: PublicJwk): { [name: string]: string } {
  return { crv, kty, x, y };
}
