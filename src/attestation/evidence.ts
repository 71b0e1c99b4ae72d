/**
 * Evidence of the code that runs, which an attestation service verifies. It is sent to the operation `type` of Azure's API
 * (`POST /attest/{type}?api-version=2022-08-01`, learn.microsoft.com: Azure Attestation REST API).
 */
export interface Evidence {
  /** The operation's name, such as `SgxEnclave`. */
  readonly type: string;
  /** The members of the request's body that hold the evidence, such as `quote`; each is sent as base64url. */
  readonly fields: Readonly<Record<string, Uint8Array>>;
}

/** A source of evidence about the code that runs here. There is one for each kind of TEE. */
export interface EvidenceProvider {
  /**
   * @param reportData 32 bytes (SHA-256 of the runtime data) that the hardware signs together with the code's
   *   measurement; in SGX they are the first half of the 64-byte report data
   * @throws ConfmlError with code EVIDENCE_UNAVAILABLE if the hardware is missing
   */
  collect(reportData: Uint8Array): Promise<Evidence>;
}

/**
 * The default export of a module that `Attestation.Evidence` names by path. `options` is
 * `Attestation.EvidenceOptions`, unchecked: the module checks it.
 */
export type EvidenceProviderFactory = (options: unknown) => EvidenceProvider;
