import type { Result, Stage } from "../confml-client.js";
import { element } from "./dom.js";
import { formatBytes } from "./wording.js";

const stages: Readonly<Record<Stage, string>> = {
  verifying: "Verifying the server…",
  encrypting: "Encrypting…",
  sending: "Sending, and waiting for the answer…",
  waiting: "The server is busy: trying again soon…",
};

/** A picture with its thumbnail, its state and its answer. */
export class PictureCard {
  readonly file: File;
  readonly element: HTMLElement;
  /** Whether it has no answer yet: it was not sent, was cancelled, or failed. */
  isOpen = true;
  readonly #state: HTMLElement;
  readonly #answer = element("div", "answer");
  readonly #address: string;

  constructor(file: File, onRemove: (card: PictureCard) => void) {
    this.file = file;
    this.#address = URL.createObjectURL(file);
    this.#state = element("p", "state", "Not sent yet.");
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "quiet";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.addEventListener("click", () => {
      onRemove(this);
    });
    const head = element(
      "div",
      "head",
      element("h3", "", file.name),
      element("span", "size", formatBytes(file.size)),
      remove,
    );
    const body = element("div", "body", head, this.#state, this.#answer);
    this.element = element("li", "picture", this.#thumbnail(), body);
  }

  showStage(stage: Stage): void {
    this.#show("busy", stages[stage]);
  }

  showWaiting(): void {
    this.#show("busy", "In the queue.");
  }

  /** Shows why there is no answer. The picture can be sent again. */
  showProblem(text: string): void {
    this.isOpen = true;
    this.#show("problem", text);
  }

  /** @param note what protected the answer, in words */
  showResult({ predictions, model, image }: Result, note: string): void {
    this.isOpen = false;
    const size = `${image.width} × ${image.height} ${image.format}`;
    this.#show("done", `${size}, by ${model.name} ${model.version}. ${note}`);
    this.#answer.replaceChildren(
      element(
        "ol",
        "bars",
        ...predictions.map(({ label, probability }) => predictionLine(label, probability)),
      ),
    );
  }

  /** Frees the thumbnail's memory. */
  remove(): void {
    URL.revokeObjectURL(this.#address);
    this.element.remove();
  }

  #show(state: "busy" | "problem" | "done", text: string): void {
    this.element.dataset["state"] = state;
    this.#state.textContent = text;
    if (state !== "done") this.#answer.replaceChildren();
  }

  #thumbnail(): HTMLElement {
    const image = document.createElement("img");
    image.src = this.#address;
    image.alt = "";
    image.decoding = "async";
    const frame = element("div", "thumbnail", image);
    image.addEventListener("error", () => {
      frame.replaceChildren(element("span", "", "No preview: this browser cannot show it."));
    });
    return frame;
  }
}

function predictionLine(label: string, probability: number | undefined): HTMLElement {
  const name = element("span", "label", label);
  if (probability === undefined) return element("li", "", name);
  const percent = `${(probability * 100).toFixed(1)} %`;
  const fill = element("span", "fill");
  fill.style.width = `${probability * 100}%`;
  const bar = element("span", "bar", fill);
  bar.setAttribute("aria-hidden", "true");
  return element("li", "", name, bar, element("span", "percent", percent));
}
