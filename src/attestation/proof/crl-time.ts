import { readTime } from "../../crypto/certificate-time.js";
import { DerSequence, readDer, tags } from "../../crypto/der.js";

/**
 * Reads when a CRL's successor comes (RFC 5280, section 5.1.2.5). The signature is not checked.
 *
 * @throws Error for anything but a CRL that says so
 */
export function readNextUpdate(crl: Uint8Array): Date {
  const list = new DerSequence(new DerSequence(readDer(crl, tags.sequence)).take(tags.sequence));
  list.takeOptional(tags.integer);
  list.take(tags.sequence);
  list.take(tags.sequence);
  readTime(list.takeAny());
  return readTime(list.takeAny()).date;
}
