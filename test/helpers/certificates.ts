import { createCertificates, type Certificates } from "../../emulator/certificates.js";

let made: Promise<Certificates> | undefined;

/** One set of certificates for all emulators of a test file. */
export function sharedCertificates(): Promise<Certificates> {
  made ??= createCertificates();
  return made;
}
