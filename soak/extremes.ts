import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { makeModels } from "../bench/models.js";
import { markdownTable } from "../bench/table.js";
import { Random } from "../scripts/random.js";
import { projectFolder } from "../scripts/project.js";
import { compareAnswers, readAnswer } from "./answers.js";
import { onEnd } from "./cleanup.js";
import { createClient, exchange, type Client } from "./exchange.js";
import { makeExtremePictures, type ExtremePicture } from "./extreme-pictures.js";
import { makeMemoryGroup, type MemoryGroup } from "./memory-group.js";
import { describeAnswer } from "./mix.js";
import { readSize } from "./options.js";
import { startSoakServer, type SoakServer } from "./server.js";
import { upload } from "./uploads.js";

export interface ExtremesOptions {
  /** Undefined: config.json's `MemorySize`. */
  memoryBytes: number | undefined;
  model: "demo" | "int8";
  progress: (line: string) => void;
}

export interface ExtremesResult {
  text: string;
  failures: string[];
}

const clients = 8;
const rounds = 4;
const top = 5;
/** The documented refusals of a good picture by an overloaded server. */
const busy = ["503 OVERLOADED", "503 DECODE_TIMEOUT", "503 OUT_OF_MEMORY"];

/** Uploads the most expensive pictures that are allowed, and some beyond the limits, to a server in a memory group. */
export async function runExtremes(options: ExtremesOptions): Promise<ExtremesResult> {
  const { progress } = options;
  const bytes = options.memoryBytes ?? (await configuredBytes());
  let group: MemoryGroup;
  try {
    group = await makeMemoryGroup(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `skipped: the largest pictures in a memory group, because none can be made here (${reason})`;
    return { text, failures: [] };
  }
  const folder = await mkdtemp(join(tmpdir(), "confml-soak-model-"));
  const cleanUp = onEnd(async () => {
    await group.remove();
    await rm(folder, { recursive: true, force: true });
  });
  try {
    const pictures = await makeExtremePictures(progress);
    const models = options.model === "int8" ? await makeModels(folder, ["int8"], progress) : [];
    const server = await startSoakServer({ wrapper: group.wrapper, model: models[0] });
    try {
      return await measure(server, group, pictures, bytes, progress);
    } finally {
      await server.stop();
    }
  } finally {
    await cleanUp();
  }
}

async function measure(
  server: SoakServer,
  group: MemoryGroup,
  pictures: readonly ExtremePicture[],
  bytes: number,
  progress: (line: string) => void,
): Promise<ExtremesResult> {
  const failures: string[] = [];
  const ending = new AbortController();
  const ended = ending.signal;
  void server.service.exited.then(() => {
    ending.abort();
  });
  const ask = async (
    client: Client,
    { name, file }: ExtremePicture,
  ): Promise<{ what: string; text: string; tookMs: number }> => {
    const start = performance.now();
    try {
      const answer = await exchange(client, upload(name, file, "text/plain", top));
      return { what: describeAnswer(answer), text: answer.text, tookMs: performance.now() - start };
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      return { what, text: "", tookMs: performance.now() - start };
    }
  };
  const idle = await server.watched.sample();
  const alone = new Map<string, { what: string; text: string; tookMs: number }>();
  const first = createClient(server.port, clients);
  for (const picture of pictures) {
    const answer = await ask(first, picture);
    alone.set(picture.name, answer);
    progress(`extremes: ${picture.name} alone: ${answer.what}, ${seconds(answer.tookMs)}`);
    if (answer.what !== picture.expected) {
      failures.push(`${picture.name} alone: ${answer.what} instead of ${picture.expected}`);
    }
  }
  const aloneUse = await group.read();
  first.agent.destroy();

  const counts = new Map<string, Map<string, number>>();
  const random = new Random("extremes");
  const queue = Array.from({ length: rounds }, () => pictures)
    .flat()
    .map((picture) => ({ picture, order: random.next() }))
    .sort((one, other) => one.order - other.order);
  let next = 0;
  const run = async (client: Client): Promise<void> => {
    while (!ended.aborted) {
      const picture = queue[next]?.picture;
      next += 1;
      if (picture === undefined) break;
      const { what, text } = await ask(client, picture);
      const seen = counts.get(picture.name) ?? new Map<string, number>();
      counts.set(picture.name, seen.set(what, (seen.get(what) ?? 0) + 1));
      if (what !== picture.expected && !busy.includes(what)) {
        failures.push(`${picture.name} among others: ${what}`);
      }
      if (what !== "200") continue;
      const right = readAnswer(alone.get(picture.name)?.text ?? "");
      const wrong = compareAnswers(right, readAnswer(text), top);
      if (wrong !== undefined) failures.push(`${picture.name} among others: ${wrong}`);
    }
    client.agent.destroy();
  };
  progress(`extremes: ${queue.length} uploads of ${clients} clients`);
  await Promise.all(
    Array.from({ length: clients }, (_, number) => run(createClient(server.port, number))),
  );
  const use = await group.read();
  const after = ended.aborted ? undefined : await server.watched.sample();
  if (use.kills > 0 || ended.aborted) {
    failures.push(`the server was ended with ${megabytes(bytes)} (${use.kills} kills)`);
  }
  const rows = pictures.map(({ name, file }) => {
    const { what = "", tookMs = 0 } = alone.get(name) ?? {};
    const outcomes = [...(counts.get(name) ?? [])].map(([seen, count]) => `${count} × ${seen}`);
    return [name, megabytes(file.length), `${what}, ${seconds(tookMs)}`, outcomes.join(", ")];
  });
  const table = markdownTable(["picture", "file", "alone", `${clients} clients`], rows);
  const text =
    `${table}\n\nMemory group of ${megabytes(bytes)}: ${use.kills} kills, the limit met ${use.limitHits} times, ` +
    `peak ${megabytes(aloneUse.peakBytes)} for one picture at a time, ${megabytes(use.peakBytes)} for ${clients} ` +
    `clients (cached files included). RSS: ${megabytes(idle.rssBytes)} before, ` +
    `${megabytes(after?.peakRssBytes ?? 0)} at most, ${megabytes(after?.rssBytes ?? 0)} after.`;
  return { text, failures };
}

async function configuredBytes(): Promise<number> {
  const text = await readFile(join(projectFolder, "config.json"), "utf8");
  return readSize(z.object({ MemorySize: z.string() }).parse(JSON.parse(text)).MemorySize);
}

/** Mebibytes, in Mystikos' notation. */
function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 24 ? 1 : 0)}m`;
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
