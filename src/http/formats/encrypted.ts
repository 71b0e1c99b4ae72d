import { sealJwe } from "../../crypto/jwe.js";
import { decryptImage } from "../../crypto/openssl-cbc.js";
import type { AnswerKey } from "../answer.js";
import type { OpenedUpload, UploadFormat } from "../upload-format.js";

/** `.encrypted`: AES-256-CBC as `openssl enc` writes it, for compatibility; nothing authenticates it. */
export const encrypted: UploadFormat<"encrypted"> = {
  name: "encrypted",
  protection: "encrypted",
  isNamedBy: ({ name }) => name.toLowerCase().endsWith(".encrypted"),
  *open(bytes, keys): Generator<OpenedUpload> {
    const seal = keys.sealKey();
    const answerKey: AnswerKey | undefined = seal && {
      seal: (json) => sealJwe(seal.key, json, { kid: seal.id, cty: "json" }),
    };
    for (const { key } of keys.legacyCandidates()) {
      const file = decryptImage(key.secret, bytes);
      if (file !== undefined) yield { file, openedBy: key, answerKey };
    }
  },
  answerTypes(encrypt, canSeal) {
    if (encrypt === "never") return ["text/plain", "application/json"];
    const sealed = canSeal ? (["application/jose"] as const) : [];
    return encrypt === "always" ? sealed : ["text/plain", "application/json", ...sealed];
  },
};
