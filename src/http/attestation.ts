import type { Request } from "express";
import { z } from "zod";
import { isNonce } from "../attestation/proof/runtime-data.js";
import type { ServerAttestation } from "../attestation/proof/server-attestation.js";
import { withSignal } from "../bounds/deadline.js";
import { clientAddress } from "./client-address.js";
import { clientNetwork } from "./client-network.js";
import { onlyGet } from "./methods.js";
import type { Operation, Route } from "./openapi/operation.js";
import { RequestError } from "./request-error.js";
import { refuseWhen, requestSignal } from "./request-signal.js";

export interface AttestationOptions {
  attestation: ServerAttestation;
  requestTimeoutMs: number;
  isStopping: () => boolean;
}

/** `GET /attestation`: evidence that says which code runs here and which keys it has. */
export const attestation: Route<AttestationOptions> = {
  register(router, { attestation: server, requestTimeoutMs, isStopping }) {
    onlyGet(router, "/attestation", refuseWhen(isStopping), async (request, response) => {
      const nonce = readNonce(request);
      const signal = requestSignal(response, requestTimeoutMs);
      const client = clientNetwork(clientAddress(request), 48);
      const answer =
        nonce === undefined ? server.withoutNonce() : server.withNonce({ nonce, client, signal });
      response.type("application/json").send(await withSignal(answer, signal));
    });
  },
  operations: () => [attestationOperation],
};

/** @throws RequestError PARAMETER_INVALID */
function readNonce({ query }: Request): string | undefined {
  const nonce = query["nonce"];
  if (nonce === undefined || (typeof nonce === "string" && isNonce(nonce))) return nonce;
  throw new RequestError(
    "PARAMETER_INVALID",
    "expected one `nonce` of 16 to 64 bytes in base64url without padding",
  );
}

const base64url = z.base64url();

/** The answer of `GET /attestation`. */
export const attestationAnswer = z.object({
  evidence: z.object({ type: z.enum(["sgx"]), quote: base64url }),
  collateral: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      "What Intel publishes to verify the quote, where Attestation.Collateral names a source.",
    ),
  runtime_data: base64url.describe(
    "Canonical JSON (RFC 8785). The quote's report data is its SHA-256 and 32 zero bytes.",
  ),
});

const attestationOperation: Operation = {
  method: "get",
  path: "/attestation",
  id: "attest",
  summary: "Proves which code runs here, and which keys it has",
  description: "Verify the answer before anything is sent to this server: docs/http.md.",
  parameters: [
    {
      name: "nonce",
      in: "query",
      description: "16 to 64 random bytes in base64url. Without one, the evidence may be older.",
      schema: base64url,
    },
  ],
  answers: [
    {
      description: "Evidence, and the runtime data that it binds.",
      content: { "application/json": { schema: attestationAnswer } },
    },
  ],
  errors: ["PARAMETER_INVALID", "OVERLOADED", "SHUTTING_DOWN", "EVIDENCE_UNAVAILABLE"],
};
