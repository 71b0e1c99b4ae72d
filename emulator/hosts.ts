/** The host names of the emulated services, all of which are served on one address. */
export const hosts = {
  azureAd: "login.microsoftonline.com",
  attestation: "confml.weu.attest.azure.net",
  managedHsm: "accmhsm.managedhsm.azure.net",
  /** The services of a second data owner, who has a tenant of its own. */
  otherAttestation: "other.neu.attest.azure.net",
  otherManagedHsm: "othermhsm.managedhsm.azure.net",
  models: "models.confml.example",
} as const;

export type ServiceName = keyof typeof hosts;

/** The audience of tokens for a Managed HSM; clients request the scope `/.default` of it. */
export const managedHsmResource = "https://managedhsm.azure.net";
