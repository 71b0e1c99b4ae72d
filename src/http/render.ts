import type { ServerAttestation } from "../attestation/proof/server-attestation.js";
import { seal, toJson, toText, type AnswerType } from "./answer.js";
import type { AnswerSize } from "./answer-size.js";
import type { Classified } from "./classify-upload.js";

export interface RenderOptions {
  /** Signs receipts. */
  attestation: Pick<ServerAttestation, "signReceipt">;
  /** The length of encrypted answers. */
  answerSize: AnswerSize;
}

/** An answer's body. */
export interface Rendered {
  body: string;
  /** Of a text answer, which has no place for it. That of JSON stands in the JSON, and so inside its encryption. */
  receipt: string | undefined;
}

/**
 * Writes an answer in a media type.
 *
 * @throws AttestationError EVIDENCE_UNAVAILABLE
 */
export async function render(
  type: AnswerType,
  classified: Classified,
  options: RenderOptions,
): Promise<Rendered> {
  if (type === "text/plain") return renderText(classified, options);
  const { answer, answerKey, top, request } = classified;
  const isSealed = type === "application/jose";
  // An old answer under the same key cannot be passed off as the answer to another upload.
  const json = { ...toJson(answer), ...(isSealed && { request }) };
  const receipt = await sign(json, classified, options);
  const text = JSON.stringify(receipt === undefined ? json : { ...json, receipt });
  if (!isSealed) return { body: text, receipt: undefined };
  if (answerKey === undefined) throw new Error("an encrypted answer to an upload without a key");
  const bytes = options.answerSize.paddedBytes(top, receipt);
  return { body: await seal(text, answerKey, bytes), receipt: undefined };
}

async function renderText(classified: Classified, options: RenderOptions): Promise<Rendered> {
  const body = toText(classified.answer);
  return { body, receipt: await sign(body, classified, options) };
}

async function sign(
  answer: (ReturnType<typeof toJson> & { request?: string }) | string,
  { receipt }: Classified,
  { attestation }: RenderOptions,
): Promise<string | undefined> {
  return receipt && attestation.signReceipt({ ...receipt, answer });
}
