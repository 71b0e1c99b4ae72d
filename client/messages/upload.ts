import { CompactEncrypt, compactDecrypt, importJWK } from "jose";
import { thumbprint, type PublicJwk } from "../attestation/jwk.js";
import { concatBytes } from "../encoding.js";
import { VerificationError } from "../verification-error.js";

const replyKeyBytes = 32;

export interface UploadOptions {
  /** How many classes the answer is to have; default: the server's. */
  top?: number;
  /** Whether the answer is to have a receipt. */
  receipt?: boolean;
}

/** An upload that the attested code alone can read. */
export interface SealedUpload {
  /** JWE in compact serialization: the file to send, as `application/jose`. */
  jwe: string;
  /** 32 bytes, for `openAnswer`; used for this upload alone. */
  replyKey: Uint8Array<ArrayBuffer>;
}

/**
 * Encrypts a picture to a server that `verifyServer` has accepted: `ECDH-ES+A256KW` and `A256GCM` (RFC 7518, sections 4.6 and
 * 5.3). What the server is to do with it stands in the protected header, where the host cannot change it.
 *
 * @param picture an image file
 * @param encryptionKey `runtimeData.encryption` of the proof
 */
export async function encryptToServer(
  picture: Uint8Array,
  encryptionKey: PublicJwk,
  { top, receipt = false }: UploadOptions = {},
): Promise<SealedUpload> {
  const { crv, kty, x, y } = encryptionKey;
  const alg = "ECDH-ES+A256KW";
  const key = await importJWK({ crv, kty, x, y }, alg);
  const replyKey = crypto.getRandomValues(new Uint8Array(replyKeyBytes));
  const jwe = await new CompactEncrypt(concatBytes(replyKey, picture))
    .setProtectedHeader({
      alg,
      enc: "A256GCM",
      kid: await thumbprint(encryptionKey),
      ...(top === undefined ? {} : { top }),
      ...(receipt ? { receipt } : {}),
    })
    .encrypt(key);
  return { jwe, replyKey };
}

/** What an answer has to have in its header: nothing else changes how it is read. */
const answerHeader = JSON.stringify({ alg: "dir", enc: "A256GCM" });

/**
 * Opens the answer to an upload. Only the attested code and the sender know the reply key, so the answer is the server's.
 *
 * @param jwe compact serialization, `dir` and `A256GCM`
 * @param replyKey of the upload
 * @returns the answer's JSON as text, without the spaces that pad it
 * @throws VerificationError ANSWER_REJECTED
 */
export async function openAnswer(jwe: string, replyKey: Uint8Array): Promise<string> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(jwe, replyKey, {
      keyManagementAlgorithms: ["dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    if (JSON.stringify(protectedHeader) !== answerHeader) throw new Error("another header");
    const text = new TextDecoder("utf-8", { fatal: true }).decode(plaintext).replace(/ +$/u, "");
    JSON.parse(text);
    return text;
  } catch (cause) {
    throw new VerificationError(
      "ANSWER_REJECTED",
      "the answer: expected JSON, encrypted with this upload's reply key (JWE, dir, A256GCM)",
      { cause },
    );
  }
}
