import type { NameConstraints } from "./certificate-extensions.js";
import type { CertificateFields } from "./certificate-fields.js";
import { forms, isDnsName, type GeneralName } from "./certificate-names.js";

/** As many as Go's crypto/x509 makes; a CA may list thousands of names and subtrees. */
const mostComparisons = 250_000;

/** All that constraints apply to: alternative names, the subject, the e-mail addresses in it. */
export function namesOf({ subject, subjectAltNames }: CertificateFields): GeneralName[] {
  const directory = subject.isEmpty ? [] : [{ form: forms.directory, text: "" }];
  const email = subject.hasEmailAddress ? [{ form: forms.email, text: "" }] : [];
  return [...subjectAltNames, ...directory, ...email];
}

/**
 * Whether a CA may certify these names (RFC 5280, section 4.2.1.10). DNS names are evaluated. For a name of
 * any other form that is constrained, and for subtrees that are malformed or of a form without a syntax for
 * them, the answer is no: what cannot be evaluated is not to be accepted. So no CA with constraints on
 * directory names is of use, for every certificate has one; none of the vaults' CAs has such constraints.
 *
 * @throws Error for so many names and subtrees that it would take long
 */
export function allowsNames(
  constraints: NameConstraints | undefined,
  names: readonly GeneralName[],
): boolean {
  if (constraints === undefined) return true;
  const { permitted, excluded } = constraints;
  const subtrees = [...permitted, ...excluded];
  if (names.length * subtrees.length > mostComparisons) {
    throw new Error(`${names.length} names under ${subtrees.length} name constraints`);
  }
  if (!subtrees.every(isEvaluable)) return false;
  const constrained = new Set(subtrees.map(({ form }) => form));
  const permittedDns = permitted.filter(({ form }) => form === forms.dns);
  const excludedDns = excluded.filter(({ form }) => form === forms.dns);
  return names.every(({ form, text }) => {
    if (!constrained.has(form)) return true;
    if (form !== forms.dns) return false;
    const isPermitted =
      permittedDns.length === 0 ||
      permittedDns.some((subtree) => isWithin(base(text), subtree.text));
    return isPermitted && !excludedDns.some((subtree) => overlaps(text, subtree.text));
  });
}

/** A DNS subtree is a host's name, or empty for all; a dot at the beginning is for URIs alone. */
function isEvaluable({ form, text }: GeneralName): boolean {
  if (form === forms.dns) return text === "" || isDnsName(text);
  return Object.values<number>(forms).includes(form);
}

/** A wildcard stands for whatever is below its base. */
function base(name: string): string {
  return name.replace(/^\*\./u, "");
}

function isWithin(name: string, subtree: string): boolean {
  return subtree === "" || name === subtree || name.endsWith(`.${subtree}`);
}

function overlaps(name: string, subtree: string): boolean {
  if (isWithin(base(name), subtree)) return true;
  return name.startsWith("*.") && isWithin(subtree, base(name));
}
