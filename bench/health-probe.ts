import { Agent, get } from "node:http";
import { z } from "zod";
import { percentile } from "./statistics.js";

const intervalMs = 50;

export const healthSchema = z.object({
  p50Ms: z.number(),
  p99Ms: z.number(),
  count: z.number(),
  failures: z.number(),
});
export type Health = z.infer<typeof healthSchema>;

/** Sends a health check every 50 ms, as a load balancer does, without waiting for the previous answer. */
export class HealthProbe {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #timer: NodeJS.Timeout;
  readonly #tookMs: number[] = [];
  readonly #open = new Set<Promise<void>>();
  #failures = 0;

  constructor(origin: string) {
    this.#timer = setInterval(() => {
      const asking = this.#ask(`${origin}/v2/health/live`).finally(() => this.#open.delete(asking));
      this.#open.add(asking);
    }, intervalMs);
  }

  /** Waits for the open checks. @returns undefined where there was no answer */
  async stop(): Promise<Health | undefined> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
    if (this.#tookMs.length === 0) return undefined;
    return {
      p50Ms: percentile(this.#tookMs, 0.5),
      p99Ms: percentile(this.#tookMs, 0.99),
      count: this.#tookMs.length,
      failures: this.#failures,
    };
  }

  async #ask(url: string): Promise<void> {
    const start = performance.now();
    const alive = await new Promise<boolean>((resolve) => {
      get(url, { agent: this.#agent }, (response) => {
        response.resume();
        response.once("end", () => {
          resolve(response.statusCode === 200);
        });
      }).once("error", () => {
        resolve(false);
      });
    });
    if (!alive) this.#failures += 1;
    this.#tookMs.push(performance.now() - start);
  }
}
