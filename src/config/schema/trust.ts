import { z } from "zod";
import { httpsOrigin, path } from "./values.js";

/** `Inference.Trust`: how emulators of Azure's services are reached. */
export const trust = z
  .strictObject({
    CaFile: path.describe("A file of PEM certificates that replace Node's built-in roots."),
    Authority: httpsOrigin.optional().describe("Azure AD's address. Default: the public one."),
    Connect: z
      .string()
      .regex(/^.+:\d{1,5}$/u, { error: "host:port" })
      .refine(
        (text) => Number(text.slice(text.lastIndexOf(":") + 1)) <= 65_535,
        "a port up to 65535",
      )
      .describe("`host:port`, to which every outgoing connection goes."),
  })
  .optional()
  .describe(
    "Absent in production. Connects to emulators of Azure's services: it changes where connections go and which " +
      "roots TLS trusts; every check stays on.",
  );
