/**
 * The variables that the server reads: the principal that may release keys (and the resource that its tokens are for),
 * Kubernetes' workload identity as an alternative, and Mystikos' name of its target. Native client libraries read them as
 * well.
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
 * Variables that Node, OpenSSL, ICU and the C library read before a program's first line, so that removing them has no
 * effect on this process.
 */
const earlyVariables =
  /^(?:NODE_(?!ENV$|NO_WARNINGS$|TLS_REJECT_UNAUTHORIZED$)|OPENSSL_|SSL_CERT_|LD_|GLIBC_|GCONV_|ICU_|NLSPATH$|LOCPATH$)/u;

/**
 * Removes all variables except those in `namedVariables` from `process.env`, and so from the C environment. Packages and
 * native libraries read many others, which decide for example where the client secret is sent (AZURE_AUTHORITY_HOST),
 * whether it is printed (DEBUG, AZURE_LOG_LEVEL), which proxy is used and which libraries are loaded. It has to be called
 * before any package is loaded.
 *
 * @param environment `process.env`, which is changed
 * @returns the names and values of the removed variables that have already taken effect
 */
export function removeUnnamedVariables(environment: NodeJS.ProcessEnv): Map<string, string> {
  const early = new Map<string, string>();
  const named: readonly string[] = namedVariables;
  for (const [name, value = ""] of Object.entries(environment)) {
    if (named.includes(name)) continue;
    if (earlyVariables.test(name)) early.set(name, value);
    Reflect.deleteProperty(environment, name);
  }
  // Otherwise Express writes stack traces into its answers to failed requests.
  environment["NODE_ENV"] = "production";
  return early;
}
