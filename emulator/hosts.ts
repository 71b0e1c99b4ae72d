/** The names under which clients know the emulated services; all are served at one address. */
export const hosts = {
  azureAd: "login.microsoftonline.com",
  attestation: "confml.weu.attest.azure.net",
  managedHsm: "accmhsm.managedhsm.azure.net",
  /** Of a second data owner, with a tenant of its own. */
  otherAttestation: "other.neu.attest.azure.net",
  otherManagedHsm: "othermhsm.managedhsm.azure.net",
  models: "models.confml.example",
} as const;

export type ServiceName = keyof typeof hosts;

/** What tokens for a Managed HSM are for: its `/.default` is the scope that clients ask for. */
export const managedHsmResource = "https://managedhsm.azure.net";
