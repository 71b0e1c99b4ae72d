import { inspect } from "node:util";

const hidden = "[hidden]";

/** A secret string. Logs, errors, JSON and `util.inspect` show "[hidden]"; only `reveal` returns its value. */
export class SecretText {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** @returns the secret */
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
