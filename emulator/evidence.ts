import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { EvidenceProviderFactory } from "../src/attestation/evidence.js";
import { measureCode } from "./measurement.js";
import { createQuote } from "./sgx-quote.js";

const optionsSchema = z.strictObject({
  /** PEM file: the emulated quoting enclave's private key and its certification. */
  QuotingKey: z.string(),
  /** The folder whose files are measured in place of an enclave. */
  Code: z.string(),
  Debuggable: z.boolean().default(true),
});

const productId = 1;
const securityVersion = 1;
/** SGX's report data has 64 bytes: a SHA-256 hash and zeros. */
const reportDataBytes = 64;

/**
 * A provider of emulated evidence: quotes with SGX's layout, certified down to the emulator's root and marked debuggable, so that
 * policies for production refuse them. The code measures itself, which proves nothing; the measurement lets release policies
 * match one build of the code and refuse another.
 */
const createEmulatedProvider: EvidenceProviderFactory = (options) => {
  const parsed = optionsSchema.safeParse(options);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(
      `Attestation.EvidenceOptions of the emulated evidence: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
    );
  }
  const { QuotingKey: keyFile, Code: folder, Debuggable: debuggable } = parsed.data;
  return {
    async collect(reportData) {
      const quotingKey = await readFile(keyFile, "utf8");
      const padded = Buffer.alloc(reportDataBytes);
      padded.set(reportData);
      const quote = createQuote(
        {
          mrenclave: Buffer.from(await measureCode(folder), "hex"),
          mrsigner: createHash("sha256")
            .update(
              createPublicKey(createPrivateKey(quotingKey)).export({ type: "spki", format: "der" }),
            )
            .digest(),
          productId,
          securityVersion,
          debuggable,
          reportData: padded,
        },
        quotingKey,
      );
      return { type: "SgxEnclave", fields: { quote } };
    },
  };
};

export default createEmulatedProvider;
