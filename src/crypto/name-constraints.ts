import type { NameConstraints } from "./certificate-extensions.js";
import type { CertificateFields } from "./certificate-fields.js";
import { forms, isDnsName, type GeneralName } from "./certificate-names.js";

/** Most comparisons of a name with a subtree, the limit of Go's crypto/x509: a CA may list thousands of both. */
const mostComparisons = 250_000;

/** @returns the names to which constraints apply: alternative names, the subject, and e-mail addresses in the subject */
export function namesOf({ subject, subjectAltNames }: CertificateFields): GeneralName[] {
  const directory = subject.isEmpty ? [] : [{ form: forms.directory, text: "" }];
  const email = subject.hasEmailAddress ? [{ form: forms.email, text: "" }] : [];
  return [...subjectAltNames, ...directory, ...email];
}

/**
 * Whether a CA may certify these names (RFC 5280, section 4.2.1.10). Only DNS names are evaluated. The answer is no for a
 * constrained name of any other form, and for subtrees that are malformed or of a form without a defined syntax. So a CA
 * with constraints on directory names is never accepted, because every certificate has a directory name; none of the
 * vaults' CAs has such constraints.
 *
 * @throws Error for too many names and subtrees
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

/** Whether this code can evaluate a subtree: a DNS name without a leading dot, an empty one (all), or another known form. */
function isEvaluable({ form, text }: GeneralName): boolean {
  if (form === forms.dns) return text === "" || isDnsName(text);
  return Object.values<number>(forms).includes(form);
}

/** @returns the name without its wildcard label: all names that a wildcard name matches lie below it */
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
