import { isAttested, openAttestedJwe } from "../../crypto/attested-jwe.js";
import { readKid } from "../../crypto/jwe.js";
import { ReplyKey, replyKeyBytes } from "../../crypto/reply-key.js";
import { RequestError } from "../request-error.js";
import type { OpenedUpload, UploadFormat } from "../upload-format.js";
import { jwe, trimEnd } from "./jwe.js";

/**
 * A JWE to the attested encryption key: as `jwe`, with the `alg` `ECDH-ES+A256KW`. Its plaintext is the reply key, which
 * encrypts the answer, and the picture. Released keys open no such token, and this key no other.
 */
export const attested: UploadFormat<"attested"> = {
  name: "attested",
  protection: "authenticated",
  // The host could change the query and the headers, and compare the lengths of answers to replays.
  carriesRequest: true,
  isNamedBy: (upload) => jwe.isNamedBy(upload) && isAttested(upload.bytes),
  async *open(bytes, _keys, attestedKey): AsyncGenerator<OpenedUpload> {
    const token = trimEnd(bytes);
    const kid = readKid(token);
    if (kid === undefined || !isAttested(token)) return;
    if (kid !== attestedKey.kid) {
      throw new RequestError(
        "ATTESTATION_OUTDATED",
        "expected the `kid` of this server's attested encryption key, which changes with each start: get GET /attestation " +
          "again, verify it, and encrypt again",
      );
    }
    const opened = await openAttestedJwe(token, attestedKey);
    if (opened === undefined || opened.plaintext.length < replyKeyBytes) return;
    const replyKey = await ReplyKey.take(opened.plaintext.subarray(0, replyKeyBytes));
    const { top, receipt } = opened.header;
    yield {
      file: opened.plaintext.subarray(replyKeyBytes),
      openedBy: replyKey,
      answerKey: replyKey,
      asked: { top, receipt },
    };
  },
  answerTypes: () => ["application/jose"],
};
