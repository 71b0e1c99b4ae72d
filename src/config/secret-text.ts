import { inspect } from "node:util";

const hidden = "[hidden]";

/** A text that no log, error, JSON or inspection shows: it has to be asked for by name. */
export class SecretText {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}
