/**
 * Takes a secret out of this process's environment, so that no program that it starts is given it: not npm, not
 * a compiler, not Mystikos.
 */
export function takeSecret(name: "SSR_PKEY" | "CLIENT_SECRET"): string | undefined {
  const value = process.env[name];
  Reflect.deleteProperty(process.env, name);
  return value;
}
