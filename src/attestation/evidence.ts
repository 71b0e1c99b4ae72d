/**
 * What an attestation service verifies, by the name of its operation in Azure's API
 * (`POST /attest/{type}?api-version=2022-08-01`).
 */
export type Evidence =
  { type: "SgxEnclave"; quote: Uint8Array } | { type: "OpenEnclave"; report: Uint8Array };

/** A source of evidence about the code that runs here: one for each kind of TEE. */
export interface EvidenceProvider {
  /**
   * @param reportData 32 bytes (SHA-256 of the runtime data) that the hardware is to sign along
   *   with its measurement; they stand in the first half of SGX's 64-byte report data.
   * @throws ConfmlError with code EVIDENCE_UNAVAILABLE where the hardware is missing.
   */
  collect(reportData: Uint8Array): Promise<Evidence>;
}

/**
 * What a module named by path in `Attestation.Evidence` exports by default.
 * `options` is `Attestation.EvidenceOptions`, unchecked: the module checks what it needs.
 */
export type EvidenceProviderFactory = (options: unknown) => EvidenceProvider;
