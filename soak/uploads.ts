import { seal } from "../scripts/demo/owners.js";
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
  return Buffer.from(await seal(file, sealKey, kid, alg));
}
