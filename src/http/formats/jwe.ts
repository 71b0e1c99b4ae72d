import { openJwe, readKid, sealJwe } from "../../crypto/jwe.js";
import type { OpenedUpload, UploadFormat } from "../upload-format.js";

/** `.jwe`, or a part of type `application/jose`: JWE compact serialization (RFC 7516, section 7.1). */
export const jwe: UploadFormat<"jwe"> = {
  name: "jwe",
  protection: "authenticated",
  isNamedBy: ({ name, mediaType }) =>
    name.toLowerCase().endsWith(".jwe") || mediaType.toLowerCase() === "application/jose",
  async *open(bytes, keys): AsyncGenerator<OpenedUpload> {
    const token = trimEnd(bytes);
    const kid = readKid(token) ?? "";
    for (const { key } of keys.candidates(kid)) {
      const file = await openJwe(token, key);
      const seal = (json: Uint8Array): Promise<string> => sealJwe(key, json, { kid, cty: "json" });
      if (file !== undefined) yield { file, openedBy: key, answerKey: { seal } };
    }
  },
  // The host controls headers and could replay a captured file: `Accept` cannot ask for an answer in the clear.
  answerTypes: (encrypt) =>
    encrypt === "never" ? ["text/plain", "application/json"] : ["application/jose"],
};

/** Shells and editors end a text file with a line break, which is not part of the token. */
export function trimEnd(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1;
  return bytes.subarray(0, end);
}
