import { z } from "zod";
import { secretClients } from "../built-in.js";
import { keyNamePattern } from "../service-names.js";
import { httpsOrigin, quoted } from "./values.js";

/** An entry of `Secret`: Mystikos' own section (its struct is in Mystikos' `config.h`), and two keys of ours. */
export const secret = z.strictObject({
  ID: z
    .string()
    .regex(keyNamePattern, {
      error: "a key's name: 1 to 127 letters, digits and hyphens",
    })
    .describe("The key's name in its vault; each entry has another."),
  SrsAddress: httpsOrigin.describe("The vault: an https:// URL without a path."),
  SrsApiVersion: z
    .string()
    .regex(/^[0-9A-Za-z.-]+$/u, { error: "an API version such as 7.3-preview" })
    .optional()
    .describe("The version of the vault's API. Default of the built-in client: 7.4."),
  LocalPath: z
    .string()
    .startsWith("/", { error: "an absolute path" })
    .refine((file) => !file.endsWith("/"), "the path of a file, without a slash at its end")
    // This suffix is the one of key files that are not complete yet.
    .refine((file) => !file.endsWith(".confml-new"), "a name that does not end in .confml-new")
    .describe("The absolute path, in the TEE's file system, of the file with the released key."),
  ClientLib: z
    .string()
    .regex(new RegExp(`^(?:${secretClients.join("|")}|[^/]+\\.so|\\/.+\\.so)$`, "u"), {
      error: `${quoted(secretClients)}, or a native library: a file name or an absolute path ending in .so`,
    })
    .describe(
      `A client in the server (${quoted(secretClients, "`")}), or a native library: its file name or absolute path.`,
    ),
  Verbose: z.int().min(1).optional().describe("Given to a native library. Mystikos rejects 0."),
  Tenant: z
    .string()
    .regex(/^[0-9A-Za-z](?:[0-9A-Za-z.-]{0,253}[0-9A-Za-z])?$/u, {
      error: "a tenant's id or domain",
    })
    .optional()
    .describe("The Azure AD tenant of the vault, its ID or domain. Default: APP_ID."),
  AttestationEndpoint: httpsOrigin
    .optional()
    .describe("The attestation service that this owner trusts. Default: `Attestation.Endpoint`."),
});
