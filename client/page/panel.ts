import type { ServerProof } from "../attestation/verify-server.js";
import type { Check } from "../check.js";
import { VerificationError } from "../verification-error.js";
import { byId, element } from "./dom.js";
import type { PageOrigin } from "./origin.js";
import { protectionOf, verdictOf, type Mode, type Verdict } from "./protection.js";
import { claimTitle, describeError } from "./wording.js";

/** What is known of the server: its proof, why it was refused, or nothing. */
export type Knowledge =
  { proof: ServerProof; at: Date } | { refusal: VerificationError } | undefined;

const titles: Readonly<Record<Verdict, string>> = {
  nothing: "Nothing is verified.",
  refused: "Refused: the server did not prove what the policy requires.",
  emulated: "EMULATED: proves nothing",
  worthless: "The checks passed, but prove nothing: this page came from the server.",
  proved: "Verified: the server proved what the policy requires.",
};

/** Shows what was attested and verified, and what follows from it. */
export function showPanel(knowledge: Knowledge, mode: Mode, origin: PageOrigin): void {
  const panel = byId("panel", HTMLElement);
  const verdict =
    knowledge !== undefined && "refusal" in knowledge
      ? "refused"
      : verdictOf(knowledge?.proof, origin);
  panel.dataset["verdict"] = verdict;
  byId("verdict", HTMLElement).textContent = titles[verdict];
  byId("verified", HTMLElement).replaceChildren(...describeKnowledge(knowledge, mode));
  const { protects, exposes } = protectionOf(mode, verdict, origin);
  fillList("protects", protects.length === 0 ? ["Nothing."] : protects);
  fillList("exposes", exposes);
}

function fillList(id: string, lines: readonly string[]): void {
  byId(id, HTMLElement).replaceChildren(...lines.map((line) => element("li", "", line)));
}

function describeKnowledge(knowledge: Knowledge, mode: Mode): HTMLElement[] {
  if (knowledge === undefined) return [element("p", "", unverified(mode))];
  if ("refusal" in knowledge) {
    const { refusal } = knowledge;
    return [element("p", "", describeError(refusal)), ...checksTable(refusal.checks)];
  }
  const { proof, at } = knowledge;
  const { model, config, version, time } = proof.runtimeData;
  const facts: readonly (readonly [string, string])[] = [
    ["Model", `${model.name}, version ${model.version}`],
    ["The model's file (SHA-256)", model.sha256],
    ["Configuration (SHA-256)", config],
    ["Server's version", version],
    ["Server's clock", new Date(time * 1000).toISOString()],
    ["Checked", at.toISOString()],
    [
      "TLS connection",
      "not checked: browsers hide its key. Only what is encrypted to the attested key is protected.",
    ],
  ];
  return [
    ...checksTable(proof.checks),
    element("h3", "", "What the server stated with it"),
    element(
      "dl",
      "facts",
      ...facts.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]),
    ),
  ];
}

function unverified(mode: Mode): string {
  switch (mode) {
    case "attested":
      return "Choose your policy file. The server is verified before the first picture is sent, or when you ask for it.";
    case "key":
      return "With a key alone, this page does not verify the server. Choose a policy file as well, and it does.";
    case "plain":
      return "Without encryption, this page does not verify the server.";
  }
}

/** A list rather than a table: claims are long, and windows narrow. */
function checksTable(checks: readonly Check[]): HTMLElement[] {
  if (checks.length === 0) return [];
  const lines = checks.map(({ name, wanted, got, met }) =>
    element(
      "li",
      met ? "met" : "unmet",
      element("span", "mark", met ? "met" : "NOT met"),
      element("strong", "", claimTitle(name)),
      element("span", "value", `expected ${wanted}`),
      element("span", "value", `got ${got}`),
    ),
  );
  return [element("ul", "checks", ...lines)];
}
