import { readFile, readdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

/** What the kernel says of a process. */
export interface Sample {
  rssBytes: number;
  /** The most that it ever was. */
  peakRssBytes: number;
  descriptors: number;
  threads: number;
}

/** What is in use once the garbage is collected: bytes. */
const liveSchema = z.object({
  heapUsed: z.number(),
  heapTotal: z.number(),
  /** Buffers beside V8's heap. */
  external: z.number(),
  rss: z.number(),
  /** Given out by the C library's malloc, and kept by it for later. */
  mallocUsed: z.number(),
  mallocFree: z.number(),
});
export type Live = z.infer<typeof liveSchema>;

const mark = "soak-probe ";
const patienceMs = 30_000;

/** A server with soak/probe.ts in it, looked at from outside. */
export class WatchedProcess {
  readonly #pid: number;
  #waiting: ((live: Live) => void)[] = [];

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** To be given each line of the server's standard error. @returns whether it was the probe's */
  readLine(line: string): boolean {
    if (!line.startsWith(mark)) return false;
    const live = liveSchema.parse(JSON.parse(line.slice(mark.length)));
    for (const resolve of this.#waiting.splice(0)) resolve(live);
    return true;
  }

  /** @throws Error where the process has ended */
  async sample(): Promise<Sample> {
    const status = await readFile(`/proc/${this.#pid}/status`, "utf8");
    const field = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, "mu").exec(status)?.[1]);
    const descriptors = await readdir(`/proc/${this.#pid}/fd`);
    return {
      rssBytes: field("VmRSS") * 1024,
      peakRssBytes: field("VmHWM") * 1024,
      descriptors: descriptors.length,
      threads: field("Threads"),
    };
  }

  /**
   * Has the server collect its garbage.
   *
   * @param trim whether the C library gives free memory back as well
   */
  async collect(trim = false): Promise<Live> {
    const told = new Promise<Live>((resolve) => this.#waiting.push(resolve));
    process.kill(this.#pid, trim ? "SIGWINCH" : "SIGURG");
    const late = delay(patienceMs, undefined, { ref: false }).then(() => {
      throw new Error(`the server's probe did not answer within ${patienceMs} ms`);
    });
    return Promise.race([told, late]);
  }
}
