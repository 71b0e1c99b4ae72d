import type { Check } from "../../client/check.js";
import type { ServerProof } from "../../client/attestation/verify-server.js";
import { quote } from "../../client/policy/wording.js";

const red = "\u{1b}[31m";
const reset = "\u{1b}[0m";

/** Red on a terminal, unless NO_COLOR is set (no-color.org). */
export function inRed(text: string): string {
  const isColoured = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "";
  return isColoured ? `${red}${text}${reset}` : text;
}

/** A line for each check: met, or what was wanted and what came. */
export function describeChecks(checks: readonly Check[]): string[] {
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks.map(({ name, wanted, got, met }) => {
    const line = `${met ? "met    " : "REFUSED"}  ${name.padEnd(width)}  `;
    if (!met) return inRed(`${line}wanted ${wanted}, got ${got}`);
    return wanted === got ? `${line}${got}` : `${line}${got} (wanted ${wanted})`;
  });
}

/** What was proved, and what was not. */
export function describeProof({
  runtimeData,
  measurement,
  emulated,
  tlsVerified,
}: ServerProof): string[] {
  const { model, config, version } = runtimeData;
  return [
    `code         ${measurement}`,
    `model        ${quote(model.name)} version ${quote(model.version)}, SHA-256 ${model.sha256}`,
    `config.json  SHA-256 ${config}`,
    `confml       ${quote(version)}`,
    tlsVerified
      ? "The TLS connection ends in the attested code."
      : "Nothing is proved about the connection: only what is encrypted to the attested key is protected.",
    ...(emulated
      ? [
          inRed(
            "EMULATED: this evidence comes from an emulator. It proves nothing about any machine.",
          ),
        ]
      : []),
  ];
}
