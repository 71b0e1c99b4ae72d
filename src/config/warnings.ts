import type { LoadedConfig } from "./load.js";

/** @returns a warning for each setting of a valid configuration that discloses uploads; logged at every boot */
export function configWarnings({
  config,
  keyNames,
}: Pick<LoadedConfig, "config" | "keyNames">): string[] {
  const { Formats: formats } = config.Inference.Images;
  const warnings: string[] = [];
  if (formats.includes("encrypted")) {
    warnings.push(
      `Images.Formats allows .encrypted uploads (${String(keyNames.legacyImage)}): nothing authenticates them, so whoever ` +
        "holds a captured .encrypted file and may upload recovers the picture whole from the answers, and opens any JWE " +
        "that was ever encrypted under that key; .jwe, under another key, is the format to use",
    );
  }
  if (formats.includes("jwe") && config.Inference.Results.Encrypt === "never") {
    warnings.push(
      'Results.Encrypt is "never": whoever uploads a captured .jwe file again reads its labels in the answer',
    );
  }
  return warnings;
}
