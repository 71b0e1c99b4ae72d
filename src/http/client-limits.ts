import type { Config } from "../config/schema.js";
import { LegacyUploads } from "./legacy-uploads.js";
import { RejectionDelays } from "./rejection-delays.js";
import { RequestRate } from "./request-rate.js";
import { TrustedProxies } from "./trusted-proxies.js";

/** What the application counts by client, and which pages and proxies it believes. */
export interface ClientLimits {
  trustedProxies: TrustedProxies;
  /** Origins whose pages may read answers (cors.ts). */
  corsOrigins: readonly string[];
  legacyUploads: LegacyUploads;
  requestRate: RequestRate;
  rejectionDelays: RejectionDelays;
}

export function createClientLimits({
  Inference: { Listen: listen, Limits: limits },
}: Config): ClientLimits {
  return {
    trustedProxies: new TrustedProxies(listen.TrustedProxies),
    corsOrigins: listen.Cors,
    legacyUploads: new LegacyUploads({
      maxDistinct: limits.MaxLegacyUploads,
      periodMs: limits.LegacyPeriodMs,
    }),
    requestRate: new RequestRate({ maxPerMinute: limits.RequestsPerMinute }),
    rejectionDelays: new RejectionDelays({ maxDelayMs: limits.RejectionDelayMs }),
  };
}
