import { webcrypto } from "node:crypto";
import { exportPublicJwk, thumbprint, type PublicJwk } from "./public-jwk.js";

const { subtle } = webcrypto;
const algorithm = { name: "ECDH", namedCurve: "P-256" } as const;
const uncompressed = 0x04;
const coordinateBytes = 32;

/** A P-256 key pair for ECDH. Its private key is in OpenSSL's memory and cannot be exported. */
export class EcdhKey {
  readonly publicJwk: PublicJwk;
  /** The RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly #privateKey: webcrypto.CryptoKey;

  private constructor(publicJwk: PublicJwk, privateKey: webcrypto.CryptoKey) {
    this.publicJwk = publicJwk;
    this.kid = thumbprint(publicJwk);
    this.#privateKey = privateKey;
  }

  static async create(): Promise<EcdhKey> {
    const pair = await subtle.generateKey(algorithm, false, ["deriveBits"]);
    return new EcdhKey(await exportPublicJwk(pair.publicKey), pair.privateKey);
  }

  /**
   * Computes the shared secret with another party's public key. OpenSSL's EC_POINT_oct2point refuses a point that is not
   * on the curve (SEC 1, section 3.2.2.1); P-256 has no small subgroups.
   *
   * @param x, y coordinates of 32 bytes
   * @returns 32 bytes, which the caller wipes; undefined for a point that is not on the curve
   */
  async agree(x: Uint8Array, y: Uint8Array): Promise<Buffer | undefined> {
    if (x.length !== coordinateBytes || y.length !== coordinateBytes) return undefined;
    const point = Buffer.concat([Buffer.of(uncompressed), x, y]);
    try {
      const publicKey = await subtle.importKey("raw", point, algorithm, false, []);
      const derivation = { name: algorithm.name, public: publicKey };
      return Buffer.from(await subtle.deriveBits(derivation, this.#privateKey, 256));
    } catch {
      return undefined;
    }
  }
}
