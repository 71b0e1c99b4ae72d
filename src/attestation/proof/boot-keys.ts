import { EcdhKey } from "../../crypto/ecdh-key.js";
import { SigningKey } from "../../crypto/signing-key.js";
import { createTlsIdentity, type TlsIdentity } from "../../crypto/tls-identity.js";

/** The three attested key pairs. Each has one use, and none is ever written or released. */
export interface BootKeys {
  tls: TlsIdentity;
  /** Opens attested uploads. */
  encryption: EcdhKey;
  /** Signs receipts. */
  signing: SigningKey;
}

/** Makes the key pairs of this boot. */
export async function createBootKeys(): Promise<BootKeys> {
  const [encryption, signing] = await Promise.all([EcdhKey.create(), SigningKey.create()]);
  return { tls: createTlsIdentity("confml"), encryption, signing };
}
