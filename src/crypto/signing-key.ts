import { webcrypto } from "node:crypto";
import { CompactSign } from "jose";
import { canonicalJson, type Json } from "./canonical-json.js";
import { exportPublicJwk, thumbprint, type PublicJwk } from "./public-jwk.js";

/** A P-256 key pair for ES256. Its private key is in OpenSSL's memory and cannot be exported. */
export class SigningKey {
  readonly publicJwk: PublicJwk;
  /** The RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly #privateKey: webcrypto.CryptoKey;

  private constructor(publicJwk: PublicJwk, privateKey: webcrypto.CryptoKey) {
    this.publicJwk = publicJwk;
    this.kid = thumbprint(publicJwk);
    this.#privateKey = privateKey;
  }

  static async create(): Promise<SigningKey> {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const pair = await webcrypto.subtle.generateKey(algorithm, false, ["sign"]);
    return new SigningKey(await exportPublicJwk(pair.publicKey), pair.privateKey);
  }

  /**
   * Signs claims as JWS in compact serialization (RFC 7515, section 7.1), `ES256`, with this key's `kid`.
   *
   * @param typ which keeps one kind of signed JSON apart from others (RFC 8725, section 3.11)
   */
  async sign(typ: string, claims: Json): Promise<string> {
    return new CompactSign(Buffer.from(canonicalJson(claims)))
      .setProtectedHeader({ alg: "ES256", kid: this.kid, typ })
      .sign(this.#privateKey);
  }
}
