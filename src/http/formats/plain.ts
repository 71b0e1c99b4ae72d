import type { OpenedUpload, UploadFormat } from "../upload-format.js";

/** A picture's file as it is: every upload that names no other format. */
export const plain: UploadFormat<"plain"> = {
  name: "plain",
  protection: "none",
  isNamedBy: () => false,
  *open(bytes): Generator<OpenedUpload> {
    yield { file: bytes, openedBy: undefined, answerKey: undefined };
  },
  answerTypes: () => ["text/plain", "application/json"],
};
