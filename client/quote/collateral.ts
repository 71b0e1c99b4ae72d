import * as z from "zod";
import { fromHex } from "../encoding.js";
import { VerificationError } from "../verification-error.js";
import {
  roles,
  verifyChain,
  type CertificateChain,
  type Role,
  type TrustedRoot,
} from "./certificate-chain.js";
import { isSignedBy } from "./ecdsa.js";
import { requireCurrent, requireNotRevoked, verifyCrl, type VerifiedCrl } from "./revocation.js";
import { qeIdentitySchema, tcbInfoSchema, type QeIdentity, type TcbInfo } from "./tcb.js";

const maxText = 1_000_000;
const text = z.string().max(maxText);

/** What Intel publishes to verify quotes of a family of processors; as dcap-qvl's JSON files have it. */
export const collateralSchema = z.object({
  /** PEM, as all chains: leaf first, root last. */
  pck_crl_issuer_chain: text,
  /** DER in hexadecimal, as pck_crl. */
  root_ca_crl: text,
  pck_crl: text,
  tcb_info_issuer_chain: text,
  /** JSON: the very text that is signed. */
  tcb_info: text,
  /** r and s in hexadecimal. */
  tcb_info_signature: text,
  qe_identity_issuer_chain: text,
  qe_identity: text,
  qe_identity_signature: text,
});
export type Collateral = z.infer<typeof collateralSchema>;

/** Collateral whose signatures, dates and certificates were checked. */
export interface VerifiedCollateral {
  tcbInfo: TcbInfo;
  qeIdentity: QeIdentity;
  rootCrl: VerifiedCrl;
  pckCrl: VerifiedCrl;
  root: TrustedRoot;
}

export interface TrustOptions {
  roots: readonly TrustedRoot[];
  now: Date;
}

/**
 * Verifies collateral: each part is signed below a trusted root by a certificate for that purpose, is current, and no
 * certificate is revoked.
 *
 * @param collateral JSON, unchecked
 * @throws VerificationError COLLATERAL_INVALID, COLLATERAL_EXPIRED, CERTIFICATE_INVALID, CERTIFICATE_REVOKED, ROOT_UNTRUSTED
 */
export async function verifyCollateral(
  collateral: unknown,
  { roots, now }: TrustOptions,
): Promise<VerifiedCollateral> {
  const parsed = collateralSchema.safeParse(collateral);
  if (!parsed.success) {
    const places = parsed.error.issues.map(({ path }) => path.join(".")).join(", ");
    throw new VerificationError(
      "COLLATERAL_INVALID",
      `collateral: expected texts for ${places || "all its parts"}`,
    );
  }
  const parts = parsed.data;
  const chain = (name: string, pem: string, role: Role): Promise<CertificateChain> =>
    verifyChain(pem, { name, roles: [role], roots, now });
  const pckCa = await chain("pck_crl_issuer_chain", parts.pck_crl_issuer_chain, roles.pckCa);
  const tcb = await chain("tcb_info_issuer_chain", parts.tcb_info_issuer_chain, roles.tcbSigning);
  const qe = await chain(
    "qe_identity_issuer_chain",
    parts.qe_identity_issuer_chain,
    roles.tcbSigning,
  );
  if ([tcb, qe].some(({ trusted }) => trusted !== pckCa.trusted)) {
    throw new VerificationError(
      "COLLATERAL_INVALID",
      "collateral: its parts are from different roots",
    );
  }
  const rootCrl = await verifyCrl("root_ca_crl", parts.root_ca_crl, pckCa.root, now);
  const pckCrl = await verifyCrl("pck_crl", parts.pck_crl, pckCa.certificates[0], now);
  for (const [name, { certificates }] of Object.entries({
    pck_crl_issuer_chain: pckCa,
    tcb_info_issuer_chain: tcb,
    qe_identity_issuer_chain: qe,
  })) {
    requireNotRevoked(name, certificates[0], rootCrl);
  }
  const tcbInfo = await readSigned(
    "tcb_info",
    parts.tcb_info,
    parts.tcb_info_signature,
    tcb,
    tcbInfoSchema,
  );
  const qeIdentity = await readSigned(
    "qe_identity",
    parts.qe_identity,
    parts.qe_identity_signature,
    qe,
    qeIdentitySchema,
  );
  requireCurrent("tcb_info", tcbInfo.issueDate, tcbInfo.nextUpdate, now);
  requireCurrent("qe_identity", qeIdentity.issueDate, qeIdentity.nextUpdate, now);
  return { tcbInfo, qeIdentity, rootCrl, pckCrl, root: pckCa.trusted };
}

async function readSigned<T>(
  name: string,
  json: string,
  signature: string,
  { certificates: [signer] }: CertificateChain,
  schema: z.ZodType<T>,
): Promise<T> {
  const key = signer.publicKey;
  if (
    !(await isSignedBy(key, fromHex(signature) ?? new Uint8Array(), new TextEncoder().encode(json)))
  ) {
    throw new VerificationError(
      "COLLATERAL_INVALID",
      `${name}: its signature is not Intel's TCB signing key's`,
    );
  }
  try {
    return schema.parse(JSON.parse(json));
  } catch (cause) {
    const message = `${name}: signed, but of another form than is known here`;
    throw new VerificationError("COLLATERAL_INVALID", message, { cause });
  }
}
