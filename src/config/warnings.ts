import type { LoadedConfig } from "./load.js";

/** What a valid configuration gives away: a line for each, for the log of every boot. */
export function configWarnings({ config, keyNames }: LoadedConfig): string[] {
  const { Formats: formats } = config.Inference.Images;
  if (!formats.includes("encrypted")) return [];
  return [
    `Images.Formats allows .encrypted uploads (${String(keyNames.legacyImage)}): nothing authenticates them, so whoever ` +
      "holds a captured .encrypted file and may upload recovers the picture whole from the answers; .jwe is the " +
      "format to use",
  ];
}
