import { pathToFileURL } from "node:url";
import type { EvidenceProviderName } from "../config/built-in.js";
import { ConfigurationError, describeCause } from "../errors.js";
import type { EvidenceProvider } from "./evidence.js";
import { SgxEvidenceProvider } from "./sgx/provider.js";

const builtIn: Readonly<Record<EvidenceProviderName, () => EvidenceProvider>> = {
  sgx: () => new SgxEvidenceProvider(),
};

/**
 * Creates the provider that `Attestation.Evidence` names.
 *
 * @param name of a provider that is part of the server, or the path of a module whose default export is an
 *   EvidenceProviderFactory
 * @param options `Attestation.EvidenceOptions`, given to the module's factory unchanged
 * @throws ConfigurationError EVIDENCE_UNAVAILABLE if the module cannot be loaded or is no provider
 */
export async function loadEvidenceProvider(
  name: string,
  options: unknown,
): Promise<EvidenceProvider> {
  if (isBuiltIn(name)) return builtIn[name]();
  const doing = `loading the evidence provider ${name}`;
  const fix = "Correct Inference.Attestation.Evidence";
  try {
    const module: unknown = await import(pathToFileURL(name).href);
    if (!isFactoryModule(module)) throw new Error("no default export that is a function");
    const provider: unknown = module.default(options);
    if (!isEvidenceProvider(provider)) throw new Error("a provider without collect()");
    return provider;
  } catch (cause) {
    throw new ConfigurationError(
      "EVIDENCE_UNAVAILABLE",
      { doing, expected: "an evidence provider module", got: describeCause(cause), fix },
      { cause },
    );
  }
}

function isBuiltIn(name: string): name is EvidenceProviderName {
  return Object.hasOwn(builtIn, name);
}

function isFactoryModule(module: unknown): module is { default: (options: unknown) => unknown } {
  return (
    typeof module === "object" &&
    module !== null &&
    "default" in module &&
    typeof module.default === "function"
  );
}

function isEvidenceProvider(value: unknown): value is EvidenceProvider {
  return (
    typeof value === "object" &&
    value !== null &&
    "collect" in value &&
    typeof value.collect === "function"
  );
}
