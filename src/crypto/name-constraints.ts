import type { CertificateFields, GeneralName } from "./certificate-fields.js";

const dnsForm = 2;
const directoryForm = 4;

/**
 * Whether a CA may certify these names (RFC 5280, section 4.2.1.10). DNS names are evaluated; for any
 * other form that is constrained and there, and for directory names, which are always there, the answer is
 * no: what cannot be evaluated is not to be accepted.
 */
export function allowsNames(
  constraints: CertificateFields["nameConstraints"],
  names: readonly GeneralName[],
): boolean {
  if (constraints === undefined) return true;
  const { permitted, excluded } = constraints;
  const constrained = new Set([...permitted, ...excluded].map(({ form }) => form));
  if (constrained.has(directoryForm)) return false;
  const permittedDns = permitted.filter(({ form }) => form === dnsForm);
  const excludedDns = excluded.filter(({ form }) => form === dnsForm);
  return names.every(({ form, text }) => {
    if (!constrained.has(form)) return true;
    if (form !== dnsForm) return false;
    const isPermitted =
      permittedDns.length === 0 ||
      permittedDns.some((subtree) => isWithin(base(text), subtree.text));
    return isPermitted && !excludedDns.some((subtree) => overlaps(text, subtree.text));
  });
}

/** A wildcard stands for whatever is below its base. */
function base(name: string): string {
  return name.replace(/^\*\./u, "");
}

/** Below the subtree or, where it does not begin with a dot, at its top. */
function isWithin(name: string, subtree: string): boolean {
  if (subtree === "") return true;
  const dotted = subtree.startsWith(".") ? subtree : `.${subtree}`;
  return name === subtree || name.endsWith(dotted);
}

function overlaps(name: string, subtree: string): boolean {
  if (isWithin(base(name), subtree)) return true;
  return name.startsWith("*.") && isWithin(subtree.replace(/^\./u, ""), base(name));
}
