import type { Session } from "./settings.js";
import type { PictureCard } from "./picture-card.js";
import { describeError } from "./wording.js";
import type { Result } from "../confml-client.js";
import type { Mode } from "./protection.js";

/** Two at a time: one is encrypted while the server has the other. */
const atOnce = 2;

export interface QueueOptions {
  session: Session;
  cards: readonly PictureCard[];
  signal: AbortSignal;
  onProgress: (done: number, failed: number) => void;
  onProof: (proof: NonNullable<Result["proof"]>) => void;
  onFailure: (error: unknown) => void;
}

/** Sends pictures and shows each one's answer. It never rejects: a failure is shown with its picture. */
export async function classifyAll(options: QueueOptions): Promise<void> {
  const waiting = [...options.cards];
  const count = { done: 0, failed: 0 };
  for (const card of waiting) card.showWaiting();
  const work = async (): Promise<void> => {
    for (let card = waiting.shift(); card !== undefined; card = waiting.shift()) {
      const isDone = await classifyOne(card, options);
      count[isDone ? "done" : "failed"] += 1;
      options.onProgress(count.done, count.failed);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function classifyOne(
  card: PictureCard,
  { session, signal, onProof, onFailure }: QueueOptions,
): Promise<boolean> {
  try {
    signal.throwIfAborted();
    const onProgress = card.showStage.bind(card);
    const result = await session.client.classify(card.file, { signal, onProgress });
    if (result.proof !== undefined) onProof(result.proof);
    card.showResult(result, notes[session.mode]);
    return true;
  } catch (error) {
    card.showProblem(describeError(error));
    onFailure(error);
    return false;
  }
}

const notes: Readonly<Record<Mode, string>> = {
  attested: "Sent and answered encrypted, to the attested key.",
  key: "Sent and answered encrypted, under your key.",
  plain: "Sent and answered without encryption.",
};
