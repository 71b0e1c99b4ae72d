import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import { Random } from "../scripts/random.js";
import { sameAnswer } from "./answers.js";
import { answer, readJob } from "./job.js";
import { openLoopJob, type openLoopResult } from "./load-result.js";
import { multipartBody, type MultipartBody } from "./multipart.js";
import { percentile, poissonArrivals } from "./statistics.js";

const timeoutMs = 20_000;

/**
 * Sends pictures at times that are drawn beforehand and do not depend on the server (MLPerf's scenario "Server"). Latency
 * counts from the planned time of a request, so that delays of the generator by a stalled server are included.
 */
async function main(job: z.infer<typeof openLoopJob>): Promise<z.infer<typeof openLoopResult>> {
  const upload = multipartBody(job.fileName, await readFile(job.file));
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const random = new Random(job.seed);
  const arrivals = poissonArrivals(job.ratePerSecond, job.seconds, () => random.next());
  const reference = await send(job.origin, upload, agent);
  const start = performance.now();
  const tookMs: number[] = [];
  const lateMs: number[] = [];
  const underWay: Promise<void>[] = [];
  let failures = 0;
  for (const arrival of arrivals) {
    const wait = start + arrival - performance.now();
    if (wait > 0) await delay(wait);
    lateMs.push(performance.now() - start - arrival);
    const sending = send(job.origin, upload, agent).then(
      (body) => {
        if (!sameAnswer(reference, body)) failures += 1;
      },
      () => {
        failures += 1;
      },
    );
    underWay.push(
      sending.then(() => {
        tookMs.push(performance.now() - start - arrival);
      }),
    );
  }
  await Promise.all(underWay);
  agent.destroy();
  return {
    requests: tookMs.length,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
    failures,
    latenessP99Ms: percentile(lateMs, 0.99),
  };
}

/** @returns the answer's text. @throws Error for any status other than 200 */
async function send(origin: string, { headers, body }: MultipartBody, agent: Agent) {
  return new Promise<string>((resolve, reject) => {
    const sending = request(`${origin}/evaluate`, {
      method: "POST",
      headers,
      agent,
      timeout: timeoutMs,
    });
    sending.once("response", (response) => {
      text(response).then((received) => {
        if (response.statusCode === 200) resolve(received);
        else reject(new Error(`HTTP ${String(response.statusCode)}: ${received}`));
      }, reject);
    });
    sending.once("timeout", () => {
      sending.destroy(new Error(`no answer for ${timeoutMs} ms`));
    });
    sending.once("error", reject);
    sending.end(body);
  });
}

answer(await main(readJob(openLoopJob)));
