import type { PageOrigin } from "./origin.js";

/** How pictures are protected: by the attested key, by a key of the owner's, not at all. */
export type Mode = "attested" | "key" | "plain";

/** What is known of the server. */
export type Verdict = "nothing" | "refused" | "emulated" | "worthless" | "proved";

/**
 * What a proof is worth.
 *
 * @param proof of `ConfmlClient.verify`; undefined where there is none
 * @param origin where the page came from: the server's own page cannot prove anything about the server
 */
export function verdictOf(
  proof: { emulated: boolean } | undefined,
  origin: PageOrigin,
): "nothing" | "emulated" | "worthless" | "proved" {
  if (proof === undefined) return "nothing";
  if (proof.emulated) return "emulated";
  return origin === "server" ? "worthless" : "proved";
}

export interface Protection {
  protects: readonly string[];
  exposes: readonly string[];
}

const always = [
  "How many pictures you send, when, from which address, and about how large they are.",
  "Error messages: they are not encrypted, and anyone on the way can forge them.",
  "Anything on this device: the browser, its extensions, the screen.",
] as const;
const fromServer =
  "Everything, from a server that gave you another page than this one: this page came from the server.";

/** What is protected and what is not, in plain words. */
export function protectionOf(mode: Mode, verdict: Verdict, origin: PageOrigin): Protection {
  const first = origin === "server" && mode !== "plain" ? [fromServer] : [];
  switch (mode) {
    case "attested":
      return attested(verdict, [...first, ...always]);
    case "key":
      return {
        protects: [
          "Pictures are encrypted in this browser with your key. Only holders of that key can read them.",
          "Answers are encrypted with the same key. An answer to another upload is refused.",
        ],
        exposes: [
          ...first,
          verdict === "proved"
            ? "Nothing ties your key to the verified server: which code gets the key is decided by its release policy in your vault."
            : "Which code gets your key: its release policy in your vault decides that, and this page did not check it.",
          ...always,
        ],
      };
    case "plain":
      return {
        protects: ["Over https: the way to whatever ends the TLS connection. Nothing else."],
        exposes: [
          "Pictures and answers: the machine's owner, and everyone between you and the server where it is not https, can " +
            "read and change them.",
          ...always,
        ],
      };
  }
}

function attested(verdict: Verdict, exposes: readonly string[]): Protection {
  switch (verdict) {
    case "nothing":
      return {
        protects: [
          "Nothing is sent until the server has been verified against your policy. Then pictures are encrypted to it.",
        ],
        exposes,
      };
    case "refused":
      return { protects: ["Nothing was sent: the server did not meet your policy."], exposes };
    case "emulated":
      return {
        protects: [],
        exposes: ["Everything: the evidence is emulated. Anyone can make it.", ...exposes],
      };
    case "worthless":
    case "proved":
      return {
        protects: [
          "Pictures are encrypted in this browser to a key that the checked code made and that never leaves it.",
          "Answers are encrypted with a key of this upload alone. An answer to another upload is refused.",
        ],
        exposes: [
          "What that code does with a picture: the measurement in your policy says which code it is, and its source says what it does.",
          ...exposes,
        ],
      };
  }
}
