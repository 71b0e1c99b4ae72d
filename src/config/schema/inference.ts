import { z } from "zod";
import { attestation } from "./attestation.js";
import { images } from "./images.js";
import { limits } from "./limits.js";
import { listen } from "./listen.js";
import { model } from "./model.js";
import { release } from "./release.js";
import { results } from "./results.js";
import { trust } from "./trust.js";
import { host, port } from "./values.js";

const sections = z.strictObject({
  Listen: listen,
  Attestation: attestation,
  Trust: trust,
  Metrics: z
    .strictObject({ Host: host, Port: port(9464) })
    .optional()
    .describe("The address of Prometheus' metrics. Absent: there are none."),
  Release: release,
  Model: model,
  Images: images,
  Results: results,
  Limits: limits,
});

/** `Inference`: the section of config.json that is confml's own. */
export const inference = sections
  .superRefine(checkShares)
  .describe("Everything that only confml reads.");

/** The limit for one client must not exceed the limit for all. */
function checkShares({ Limits: all }: z.infer<typeof sections>, context: z.RefinementCtx): void {
  for (const [share, whole] of [
    ["MaxBytesPerAddress", "MaxBytesInFlight"],
    ["MaxConnectionsPerAddress", "MaxConnections"],
  ] as const) {
    const most = all[whole];
    if ((all[share] ?? 0) <= most) continue;
    const message = `at most ${most}, which is Limits.${whole}`;
    context.addIssue({ code: "custom", path: ["Limits", share], message });
  }
}
