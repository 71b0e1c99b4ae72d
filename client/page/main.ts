import "./zod.js";
import { VerificationError } from "../verification-error.js";
import { byId } from "./dom.js";
import { watchInputs } from "./inputs.js";
import { originNotice, pageOrigin, type PageOrigin } from "./origin.js";
import { showPanel, type Knowledge } from "./panel.js";
import { PictureCard } from "./picture-card.js";
import { classifyAll } from "./queue.js";
import { chosenMode, openSession, serverAddress, type Session } from "./settings.js";
import { describeError } from "./wording.js";

const cards = new Set<PictureCard>();
let session: Session | undefined;
let knowledge: Knowledge;
let running: AbortController | undefined;

function origin(): PageOrigin {
  return pageOrigin(new URL(location.href), serverAddress());
}

function showAll(): void {
  const mode = chosenMode();
  const { title, text } = originNotice(origin(), location.host);
  byId("origin", HTMLElement).dataset["origin"] = origin();
  byId("origin-title", HTMLElement).textContent = title;
  byId("origin-text", HTMLElement).textContent = text;
  byId("policy-row", HTMLElement).hidden = mode === "plain";
  byId("key-row", HTMLElement).hidden = mode !== "key";
  byId("plain-row", HTMLElement).hidden = mode !== "plain";
  byId("policy-hint", HTMLElement).hidden = mode !== "key";
  byId("verify", HTMLButtonElement).hidden = mode === "plain";
  // As soon as such a root is trusted, not only once something was verified with it.
  byId("emulated", HTMLElement).hidden =
    mode === "plain" || byId("root", HTMLInputElement).files?.length !== 1;
  byId("empty", HTMLElement).hidden = cards.size > 0;
  byId("clear", HTMLButtonElement).hidden = cards.size === 0;
  showPanel(knowledge, mode, origin());
}

function say(text: string, isProblem = false): void {
  const status = byId("status", HTMLElement);
  status.textContent = text;
  status.classList.toggle("problem", isProblem);
}

/** What was verified holds for the settings that it was verified with. */
function forgetSession(): void {
  session?.client.close();
  session = undefined;
  knowledge = undefined;
  showAll();
}

function learn(error: unknown): void {
  if (!(error instanceof VerificationError)) return;
  if (error.code === "ANSWER_REJECTED" || error.code === "POLICY_INVALID") return;
  knowledge = { refusal: error };
  showAll();
}

/** Runs one action at a time; the settings and the other buttons wait for its end. */
async function run(
  action: (session: Session, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (running !== undefined) return;
  const controller = new AbortController();
  running = controller;
  setBusy(true);
  try {
    session ??= await openSession();
    await action(session, controller.signal);
  } catch (error) {
    say(describeError(error), true);
    learn(error);
  } finally {
    running = undefined;
    setBusy(false);
  }
}

function setBusy(busy: boolean): void {
  byId("settings", HTMLFieldSetElement).disabled = busy;
  byId("classify", HTMLButtonElement).disabled = busy;
  byId("clear", HTMLButtonElement).disabled = busy;
  const cancel = byId("cancel", HTMLButtonElement);
  const hadFocus = document.activeElement === cancel;
  cancel.hidden = !busy;
  if (busy) cancel.focus();
  else if (hadFocus || document.activeElement === document.body)
    byId("classify", HTMLButtonElement).focus();
  byId("progress", HTMLProgressElement).hidden = true;
}

async function verify({ client, verifies }: Session, signal: AbortSignal): Promise<void> {
  if (!verifies) {
    say("Choose a policy file: it says what the server has to prove.", true);
    return;
  }
  say("Verifying the server…");
  knowledge = { proof: await client.verify(signal), at: new Date() };
  showAll();
  say(byId("verdict", HTMLElement).textContent);
}

async function classify(current: Session, signal: AbortSignal): Promise<void> {
  const open = [...cards].filter((card) => card.isOpen);
  if (open.length === 0) {
    say("Choose pictures first.", true);
    return;
  }
  // The panel shows what is known before the first picture leaves.
  if (current.verifies && (knowledge === undefined || "refusal" in knowledge)) {
    await verify(current, signal);
  }
  const progress = byId("progress", HTMLProgressElement);
  Object.assign(progress, { hidden: false, max: open.length, value: 0 });
  const report = (done: number, failed: number): void => {
    progress.value = done + failed;
    const failures = failed === 0 ? "" : `, ${failed} failed`;
    say(`${done} of ${open.length} classified${failures}.`, failed > 0);
  };
  report(0, 0);
  await classifyAll({
    session: current,
    cards: open,
    signal,
    onProgress: report,
    onProof: (proof) => {
      if (knowledge !== undefined && "proof" in knowledge && knowledge.proof === proof) return;
      knowledge = { proof, at: new Date() };
      showAll();
    },
    onFailure: learn,
  });
}

function addPictures(files: readonly File[]): void {
  for (const file of files) {
    const card = new PictureCard(file, remove);
    cards.add(card);
    byId("pictures", HTMLElement).append(card.element);
  }
  say(files.length === 1 ? "1 picture added." : `${files.length} pictures added.`);
  showAll();
}

function remove(card: PictureCard): void {
  if (running !== undefined) return;
  cards.delete(card);
  card.remove();
  showAll();
  byId("choose", HTMLInputElement).focus();
}

function start(): void {
  if (location.protocol !== "file:") byId("server", HTMLInputElement).value = location.origin;
  watchInputs({ onPictures: addPictures, onSettings: forgetSession });
  byId("verify", HTMLButtonElement).addEventListener("click", () => void run(verify));
  byId("classify", HTMLButtonElement).addEventListener("click", () => void run(classify));
  byId("cancel", HTMLButtonElement).addEventListener("click", () => running?.abort());
  byId("clear", HTMLButtonElement).addEventListener("click", () => {
    for (const card of cards) remove(card);
  });
  showAll();
}

start();
