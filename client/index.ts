/** The data owner's library, for browsers and Node. client/node has what needs Node. */
export { ConfmlClient } from "./confml-client.js";
export type { ClassifyOptions, ConfmlClientOptions, Result, Stage } from "./confml-client.js";
export type { Classification } from "./classification.js";
export type { Check } from "./check.js";
export { ServerError } from "./server-error.js";
export { VerificationError } from "./verification-error.js";
export type { RefusalCode } from "./verification-error.js";
export { verifyServer } from "./attestation/verify-server.js";
export type {
  CollateralSource,
  ServerProof,
  VerifyServerOptions,
} from "./attestation/verify-server.js";
export { fromProvisioningService } from "./collateral/provisioning-service.js";
export { parseClientPolicy } from "./policy/client-policy.js";
export type { ClientPolicy } from "./policy/client-policy.js";
export { verifyReceipt } from "./messages/receipt.js";
export type { ReceiptClaims, VerifiedReceipt } from "./messages/receipt.js";
