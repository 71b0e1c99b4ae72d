/** The name of a key in Azure Key Vault or Managed HSM: 1 to 127 letters, digits and hyphens (its REST API, "Create Key"). */
export const keyNamePattern = /^[0-9A-Za-z-]{1,127}$/u;

/** @returns whether the text is an https:// URL without credentials, path, query or fragment */
export function isHttpsOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, origin, href } = new URL(text);
  return protocol === "https:" && href === `${origin}/`;
}

/** @returns whether the text is the origin of an http:// or https:// page as browsers write it (RFC 6454, section 6.2) */
export function isOrigin(text: string): boolean {
  // What browsers send for files and sandboxed frames (HTML standard, opaque origins).
  if (text === "null") return true;
  // A host with a `*` is a valid URL, and would never equal a page's origin.
  return /^https?:[^*]+$/u.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
