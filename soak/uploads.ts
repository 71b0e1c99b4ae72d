import { CompactEncrypt, compactDecrypt } from "jose";
import { encrypt } from "../scripts/demo/owners.js";
import { multipartBody } from "../bench/multipart.js";
import type { Asked } from "./exchange.js";

/** The data owner's keys. */
export interface Keys {
  imageKey: Uint8Array;
  sealKey: Uint8Array;
  /** The seal key's ID. */
  kid: string;
}

/** `POST /evaluate` with one file. */
export function upload(name: string, file: Uint8Array, accept: string, top?: number): Asked {
  const { headers, body } = multipartBody(name, file);
  const path = top === undefined ? "/evaluate" : `/evaluate?top=${top}`;
  return { method: "POST", path, headers: { ...headers, accept }, body };
}

/** The same file as a JWE (RFC 7516). */
export async function sealFile(
  file: Uint8Array,
  alg: "dir" | "A256KW",
  { sealKey, kid }: Keys,
): Promise<Buffer> {
  const token = await new CompactEncrypt(file)
    .setProtectedHeader({ alg, enc: "A256GCM", kid })
    .encrypt(sealKey);
  return Buffer.from(token);
}

/** The same file as openssl encrypts it. */
export function encryptFile(file: Uint8Array, { imageKey }: Keys): Buffer {
  return encrypt(file, imageKey);
}

/** @throws Error for an answer that is not under the seal key */
export async function openAnswer(answer: string, { sealKey }: Keys): Promise<string> {
  const { plaintext } = await compactDecrypt(answer, sealKey);
  return new TextDecoder().decode(plaintext);
}
