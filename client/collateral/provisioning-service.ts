import * as z from "zod";
import type { Attestation } from "../attestation/attestation.js";
import type { CollateralSource } from "../attestation/verify-server.js";
import { toHex } from "../encoding.js";
import { readCertificate } from "../quote/certificate.js";
import type { Collateral } from "../quote/collateral.js";
import { parseQuote } from "../quote/parse-quote.js";
import { readPckExtension, sgxExtension } from "../quote/pck-extension.js";
import { readPemChain } from "../quote/pem.js";
import { VerificationError } from "../verification-error.js";
import { boundedGet, type Got } from "./bounded-get.js";

/** Intel's Provisioning Certification Service. */
export const intelService = "https://api.trustedservices.intel.com";
const intelRootCrl = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";

const tcbAnswer = z.object({ tcbInfo: z.unknown(), signature: z.string() });
const identityAnswer = z.object({ enclaveIdentity: z.unknown(), signature: z.string() });

/**
 * Collateral from Intel's service or from a caching service (PCCS) of a cloud, by Intel's API, version 4. What comes is signed
 * by Intel, so the service is not trusted.
 *
 * @param origin such as `https://global.acccache.azure.net`; no redirects are followed
 * @returns a source that throws VerificationError COLLATERAL_MISSING where the service does not answer
 */
export function fromProvisioningService(origin: string = intelService): CollateralSource {
  return async (attestation) => {
    try {
      return await fetchCollateral(origin.replace(/\/+$/u, ""), attestation);
    } catch (cause) {
      if (cause instanceof VerificationError) throw cause;
      throw new VerificationError(
        "COLLATERAL_MISSING",
        `no collateral from ${origin}: check the address and the network, or give a file`,
        { cause },
      );
    }
  };
}

async function fetchCollateral(origin: string, { evidence }: Attestation): Promise<Collateral> {
  const { fmspc, ca } = platformOf(evidence.quote);
  const path = `${origin}/${evidence.type}/certification/v4`;
  const sgxPath = `${origin}/sgx/certification/v4`;
  const pckCrl = await boundedGet(`${sgxPath}/pckcrl?ca=${ca}&encoding=der`);
  const tcb = await boundedGet(`${path}/tcb?fmspc=${fmspc}`);
  const identity = await boundedGet(`${path}/qe/identity`);
  const isIntel = origin === intelService;
  const rootCrl = await boundedGet(isIntel ? intelRootCrl : `${sgxPath}/rootcacrl`);
  const tcbJson = tcbAnswer.parse(JSON.parse(toText(tcb)));
  const identityJson = identityAnswer.parse(JSON.parse(toText(identity)));
  return {
    pck_crl_issuer_chain: chainOf(pckCrl, "SGX-PCK-CRL-Issuer-Chain"),
    // A PCCS answers in hexadecimal, Intel in DER.
    root_ca_crl: isIntel ? toHex(rootCrl.bytes) : toText(rootCrl).trim(),
    pck_crl: toHex(pckCrl.bytes),
    tcb_info_issuer_chain: chainOf(tcb, "TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"),
    // Intel signs the compact form of its JSON, in the order of the answer.
    tcb_info: JSON.stringify(tcbJson.tcbInfo),
    tcb_info_signature: tcbJson.signature,
    qe_identity_issuer_chain: chainOf(identity, "SGX-Enclave-Identity-Issuer-Chain"),
    qe_identity: JSON.stringify(identityJson.enclaveIdentity),
    qe_identity_signature: identityJson.signature,
  };
}

/** What selects the collateral; unverified, which at worst gets other collateral. */
function platformOf(quote: Uint8Array): { fmspc: string; ca: "platform" | "processor" } {
  const chain = readPemChain(new TextDecoder("latin1").decode(parseQuote(quote).certificateChain));
  const [pck, ca] = (chain ?? []).map(readCertificate);
  const { fmspc } = readPckExtension(pck?.extensions.get(sgxExtension) ?? new Uint8Array());
  return { fmspc, ca: ca?.commonName?.includes("Processor") === true ? "processor" : "platform" };
}

function chainOf({ headers }: Got, ...names: readonly string[]): string {
  const values = names.map((name) => headers.get(name)).filter((value) => value !== null);
  return decodeURIComponent(values[0] ?? "");
}

function toText({ bytes }: Got): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
