/**
 * What the server itself reads: the principal that may release keys (and the resource that its tokens are for),
 * Kubernetes' workload identity in its place, and Mystikos' own name of its target. Native client libraries read them,
 * too.
 */
const namedVariables = [
  "APP_ID",
  "CLIENT_ID",
  "CLIENT_SECRET",
  "MHSM_AAD_URL",
  "AZURE_CLIENT_ID",
  "AZURE_FEDERATED_TOKEN_FILE",
  "AZURE_TENANT_ID",
  "MYST_TARGET",
] as const;

/**
 * Variables that Node, OpenSSL, ICU and the C library read before the first line of a program. To remove them is too late.
 */
const earlyVariables =
  /^(?:NODE_(?!ENV$|NO_WARNINGS$|TLS_REJECT_UNAUTHORIZED$)|OPENSSL_|SSL_CERT_|LD_|GLIBC_|GCONV_|ICU_|NLSPATH$|LOCPATH$)/u;

/**
 * Removes all variables but those that the server names, from `process.env` and so from the C environment. Packages and
 * native libraries read many others: where to send the client secret (AZURE_AUTHORITY_HOST), to print it (DEBUG,
 * AZURE_LOG_LEVEL), which proxy to use, which libraries to load. So it is called before any of them is loaded.
 *
 * @param environment `process.env`
 * @returns what the removed variables that have acted already said, by name
 */
export function removeUnnamedVariables(environment: NodeJS.ProcessEnv): Map<string, string> {
  const early = new Map<string, string>();
  const named: readonly string[] = namedVariables;
  for (const [name, value = ""] of Object.entries(environment)) {
    if (named.includes(name)) continue;
    if (earlyVariables.test(name)) early.set(name, value);
    Reflect.deleteProperty(environment, name);
  }
  // In any other mode Express answers errors with their stack.
  environment["NODE_ENV"] = "production";
  return early;
}
