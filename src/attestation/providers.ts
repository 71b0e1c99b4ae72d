import { pathToFileURL } from "node:url";
import { ConfigurationError, describeCause } from "../errors.js";
import type { EvidenceProvider } from "./evidence.js";
import { SgxEvidenceProvider } from "./sgx/provider.js";

/**
 * The provider that `Attestation.Evidence` names: `sgx`, or the path of a module whose default export
 * is an EvidenceProviderFactory.
 */
export async function loadEvidenceProvider(
  name: string,
  options: unknown,
): Promise<EvidenceProvider> {
  if (name === "sgx") return new SgxEvidenceProvider();
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
