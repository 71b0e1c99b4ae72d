/** Claims of Microsoft Azure Attestation's tokens for SGX enclaves (version 1.0 of its claim sets). */
export const sgxClaims = {
  attestationType: "x-ms-attestation-type",
  isDebuggable: "x-ms-sgx-is-debuggable",
  mrenclave: "x-ms-sgx-mrenclave",
  mrsigner: "x-ms-sgx-mrsigner",
  productId: "x-ms-sgx-product-id",
  securityVersion: "x-ms-sgx-svn",
} as const;
