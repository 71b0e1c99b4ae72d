import { readFile, readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { probeMark } from "./probe-line.js";

/** What the kernel reports of a process. */
export interface Sample {
  rssBytes: number;
  /** The highest value so far. */
  peakRssBytes: number;
  descriptors: number;
  threads: number;
}

/** Memory in use after a garbage collection, in bytes. */
const liveSchema = z.object({
  heapUsed: z.number(),
  heapTotal: z.number(),
  /** Buffers outside V8's heap. */
  external: z.number(),
  rss: z.number(),
  /** Allocated by the C library's malloc, and free memory that malloc keeps. */
  mallocUsed: z.number(),
  mallocFree: z.number(),
});
export type Live = z.infer<typeof liveSchema>;

const timeoutMs = 30_000;

/** Measures a server that has soak/probe.ts loaded. */
export class WatchedProcess {
  /** Set once the process is started. */
  pid = 0;
  #waiting: ((live: Live) => void)[] = [];

  /** Takes each line of the server's standard error. @returns whether it is the probe's */
  readLine(line: string): boolean {
    if (!line.startsWith(probeMark)) return false;
    const live = liveSchema.parse(JSON.parse(line.slice(probeMark.length)));
    for (const resolve of this.#waiting.splice(0)) resolve(live);
    return true;
  }

  /** @throws Error where the process has ended */
  async sample(): Promise<Sample> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(status)?.[1]);
    const descriptors = await readdir(`/proc/${this.pid}/fd`);
    return {
      rssBytes: field("VmRSS") * 1024,
      peakRssBytes: field("VmHWM") * 1024,
      descriptors: descriptors.length,
      threads: field("Threads"),
    };
  }

  /**
   * Makes the server collect garbage.
   *
   * @param trim whether the C library also returns free memory to the system
   * @throws Error where the probe does not answer within 30 s
   */
  async collect(trim = false): Promise<Live> {
    const answered = new Promise<Live>((resolve) => this.#waiting.push(resolve));
    process.kill(this.pid, trim ? "SIGWINCH" : "SIGURG");
    const late = delay(timeoutMs, undefined, { ref: false }).then(() => {
      throw new Error(`the server's probe did not answer within ${timeoutMs} ms`);
    });
    return Promise.race([answered, late]);
  }
}
