/**
 * Variables that a build does not need, and that are removed from the environment of its programs (npm, compilers,
 * Mystikos). The Makefile has the same list.
 */
export const secretNames: readonly string[] = [
  "SSR_PKEY",
  "CLIENT_SECRET",
  "AZURE_CLIENT_SECRET",
  "AZURE_CLIENT_CERTIFICATE_PASSWORD",
  "AZURE_PASSWORD",
  "GITHUB_TOKEN",
  "GH_TOKEN",
  "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
  "ACTIONS_RUNTIME_TOKEN",
];

/** @returns a copy of an environment without the secrets */
export function withoutSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !secretNames.includes(name)),
  );
}

/** Reads a secret and removes it from this process's environment, so that no child process inherits it. */
export function takeSecret(name: string): string | undefined {
  const value = process.env[name];
  Reflect.deleteProperty(process.env, name);
  return value;
}
