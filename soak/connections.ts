import { setTimeout as delay } from "node:timers/promises";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { percentile } from "../bench/statistics.js";
import { markdownTable } from "../bench/table.js";
import { parseObject, startService } from "../scripts/process/service.js";
import { projectFolder } from "../scripts/project.js";
import { compareAnswers, readAnswer } from "./answers.js";
import { createClient, exchange, type Client } from "./exchange.js";
import { describeAnswer } from "./mix.js";
import { startSoakServer, type SoakServer } from "./server.js";
import { upload } from "./uploads.js";

export interface ConnectionsOptions {
  connections: number;
  progress: (line: string) => void;
}

const clients = 8;
const seconds = 15;
const warmUpMs = 5000;
/** File descriptors of a process besides its connections. */
const spareDescriptors = 500;
/** Errors of clients whose connection the server closes to make room (src/http/connections.ts). */
const closures = ["read ECONNRESET", "socket hang up", "write EPIPE", "write ECONNRESET"];
const crowdSchema = z.object({ established: z.number(), opened: z.number() });

interface Row {
  what: string;
  good: number;
  /** Requests without an answer, because the server closed the connection to make room. */
  closed: number;
  bad: Map<string, number>;
  tookMs: number[];
  rssBytes: number;
  descriptors: number;
  opened: number;
}

/**
 * Measures how clients are served beside many silent and slow connections: with the default limit, at which the server
 * closes such connections to make room, and with a limit that admits all of them.
 */
export async function runConnections({
  connections,
  progress,
}: ConnectionsOptions): Promise<{ text: string; failures: string[] }> {
  const most = Number(
    /^Max open files\s+(\d+)/mu.exec(await readFile("/proc/self/limits", "utf8"))?.[1],
  );
  if (most < connections + spareDescriptors) {
    const text = `skipped: ${connections} connections, because a process may have ${most} descriptors (ulimit -n)`;
    return { text, failures: [] };
  }
  const rows: Row[] = [];
  for (const [what, limits, idle, mayClose] of [
    ["none", {}, 0, false],
    [`${connections}, MaxConnections 4096`, {}, connections, true],
    [
      `${connections}, MaxConnections ${2 * connections}`,
      { MaxConnections: 2 * connections },
      connections,
      false,
    ],
  ] as const) {
    progress(`connections: silent and slow ones: ${what}`);
    const server = await startSoakServer({ limits });
    try {
      rows.push({ what, ...(await measure(server, idle, mayClose)) });
    } finally {
      await server.stop();
    }
  }
  const failures = rows.flatMap(({ what, bad }) =>
    [...bad].map(([outcome, count]) => `beside ${what}: ${count} × ${outcome}`),
  );
  const table = markdownTable(
    [
      "silent and slow connections",
      "right answers",
      "closed",
      "p50",
      "p99",
      "RSS",
      "descriptors",
      "opened",
    ],
    rows.map(({ what, good, closed, tookMs, rssBytes, descriptors, opened }) => [
      what,
      ...[String(good), String(closed)],
      ...[0.5, 0.99].map((share) => `${percentile(tookMs, share).toFixed(0)} ms`),
      `${(rssBytes / 1e6).toFixed(0)} MB`,
      ...[String(descriptors), String(opened)],
    ]),
  );
  return { text: `${clients} clients for ${seconds} s beside them:\n\n${table}`, failures };
}

/** @param mayClose whether there are more connections than the limit, so that the server may close some */
async function measure(
  server: SoakServer,
  idle: number,
  mayClose: boolean,
): Promise<Omit<Row, "what">> {
  let opened = 0;
  const job = JSON.stringify({ port: server.port, connections: idle });
  const program = join(projectFolder, "build/soak/idle-clients.js");
  const crowd = await startService({
    command: [process.execPath, program, job],
    onLine: (line) => {
      const parsed = crowdSchema.safeParse(parseObject(line));
      if (parsed.success) ({ opened } = parsed.data);
      return parsed.success;
    },
    onErrorLine: (line) => process.stderr.write(`${line}\n`),
  });
  try {
    await delay(warmUpMs);
    const picture = await readFile(join(projectFolder, "models/demo/dog.jpg"));
    const asked = upload("dog.jpg", picture, "text/plain", 5);
    const tookMs: number[] = [];
    const bad = new Map<string, number>();
    let right: ReadonlyMap<string, number> | undefined;
    let good = 0;
    let closed = 0;
    let [rssBytes, descriptors] = [0, 0];
    const end = performance.now() + seconds * 1000;
    const run = async (client: Client): Promise<void> => {
      while (performance.now() < end) {
        const start = performance.now();
        const outcome = await exchange(client, asked).then(
          (answer) => {
            if (answer.status !== 200) return describeAnswer(answer);
            const got = readAnswer(answer.text);
            right ??= got;
            return compareAnswers(right, got, 5);
          },
          (error: unknown) => (error instanceof Error ? error.message : String(error)),
        );
        tookMs.push(performance.now() - start);
        if (outcome === undefined) good += 1;
        else if (mayClose && closures.includes(outcome)) closed += 1;
        else bad.set(outcome, (bad.get(outcome) ?? 0) + 1);
      }
      client.agent.destroy();
    };
    const watch = async (): Promise<void> => {
      while (performance.now() < end) {
        const sample = await server.watched.sample();
        rssBytes = Math.max(rssBytes, sample.rssBytes);
        descriptors = Math.max(descriptors, sample.descriptors);
        await delay(500);
      }
    };
    const all = Array.from({ length: clients }, (_, number) => createClient(server.port, number));
    await Promise.all([...all.map(run), watch()]);
    return { good, closed, bad, tookMs, rssBytes, descriptors, opened };
  } finally {
    await crowd.stop();
  }
}
