import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import autocannon from "autocannon";
import type { z } from "zod";
import { sameAnswer } from "./answers.js";
import { HealthProbe } from "./health-probe.js";
import { answer, readJob } from "./job.js";
import { closedLoopJob, type ClosedLoopResult } from "./load-result.js";
import { compareMetrics, parseMetrics } from "./metrics.js";
import { multipartBody, type MultipartBody } from "./multipart.js";
import { percentile } from "./statistics.js";

/** The interval at which autocannon checks its clock: a run is longer by at most this. */
const tickMs = 50;
const timeoutSeconds = 60;

type Job = z.infer<typeof closedLoopJob>;
/** Requests are counted from the end of the warm-up until `until`. */
type Load = Pick<Job, "origin" | "clients" | "until" | "warmUpSeconds">;
type Answer = Partial<ClosedLoopResult> & { failures: number };

async function main(job: Job): Promise<Answer> {
  const upload = multipartBody(job.fileName, await readFile(job.file));
  // One picture first: when it is answered, the server has finished the requests that the previous run abandoned.
  const { failures } = await load(
    { origin: job.origin, clients: 1, until: { requests: 1 }, warmUpSeconds: 0 },
    upload,
  );
  const loading = load(job, upload);
  const watching = watch(job);
  const measured = await loading;
  const extras = await (await watching)();
  return { ...measured, ...extras, failures: failures + measured.failures };
}

/** Starts the health probe after the warm-up. @returns a function that stops it and returns the measurements */
async function watch(
  job: Job,
): Promise<() => Promise<Pick<ClosedLoopResult, "health" | "inside">>> {
  await delay(job.warmUpSeconds * 1000);
  const before = await readMetrics(job);
  const probe = job.probe ? new HealthProbe(job.origin) : undefined;
  return async () => {
    const after = await readMetrics(job);
    const health = await probe?.stop();
    return {
      ...(health === undefined ? {} : { health }),
      ...(before === undefined || after === undefined
        ? {}
        : { inside: compareMetrics(before, after) }),
    };
  };
}

/**
 * Makes one run, of which the warm-up is a part: autocannon disconnects at a run's end, and a separate warm-up would leave
 * requests that the server still works on. autocannon's histogram has whole milliseconds and its duration is rounded, so
 * latencies and times are taken from its events.
 */
async function load(
  { origin, clients, until, warmUpSeconds }: Load,
  { headers, body }: MultipartBody,
): Promise<Answer> {
  const accepted = new Set<string>();
  let reference: string | undefined;
  const verifyBody = (received: string | Buffer | undefined): boolean => {
    const text = String(received);
    reference ??= text;
    if (accepted.has(text)) return true;
    const same = sameAnswer(reference, text);
    if (same) accepted.add(text);
    return same;
  };
  const tookMs: number[] = [];
  let notOk = 0;
  const from = performance.now() + warmUpSeconds * 1000;
  const to = "seconds" in until ? from + until.seconds * 1000 : Infinity;
  let last = from;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: `${origin}/evaluate`,
        method: "POST",
        headers,
        body,
        connections: clients,
        timeout: timeoutSeconds,
        sampleInt: tickMs,
        ...("seconds" in until
          ? { duration: warmUpSeconds + until.seconds }
          : { amount: until.requests }),
        verifyBody,
      },
      (error: unknown, outcome) => {
        if (error === null || error === undefined) resolve(outcome);
        else reject(error instanceof Error ? error : new Error("autocannon failed"));
      },
    );
    instance.on("response", (_client, status, _bytes, milliseconds) => {
      if (status !== 200) notOk += 1;
      const now = performance.now();
      if (now < from || now > to) return;
      last = now;
      tookMs.push(milliseconds);
    });
  });
  const failures = notOk + result.mismatches + result.errors + result.timeouts;
  if (tookMs.length === 0) {
    if (failures > 0) throw new Error(`no answer from ${origin} (${failures} failures)`);
    // No answer within the time, as with a huge picture on a busy machine: no figures, but no failure either.
    return { failures };
  }
  const seconds = ((to === Infinity ? last : to) - from) / 1000;
  return {
    requests: tookMs.length,
    throughput: tookMs.length / seconds,
    p50Ms: percentile(tookMs, 0.5),
    p90Ms: percentile(tookMs, 0.9),
    p99Ms: percentile(tookMs, 0.99),
    failures,
  };
}

async function readMetrics({ metricsUrl }: Job): Promise<Map<string, number> | undefined> {
  if (metricsUrl === undefined) return undefined;
  const response = await fetch(metricsUrl);
  if (!response.ok) throw new Error(`${metricsUrl}: HTTP ${response.status}`);
  return parseMetrics(await response.text());
}

answer(await main(readJob(closedLoopJob)));
// Open connections of autocannon and fetch would keep the process alive for seconds.
process.exit();
