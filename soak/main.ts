import { writeFile } from "node:fs/promises";
import { endAll } from "./cleanup.js";
import { exitWith, interruption } from "../scripts/exit.js";
import { startProgress } from "../scripts/progress.js";
import { runConnections } from "./connections.js";
import { runExtremes } from "./extremes.js";
import { judgeLoad } from "./judge-load.js";
import { runLoad } from "./load.js";
import { help, readOptions, type Options } from "./options.js";

/** One line for each failure; the exit code is 1 where there is one. */
type Failures = string[];

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  try {
    return await Promise.race([soak(options), interruption()]);
  } finally {
    await endAll();
  }
}

async function soak(options: Options): Promise<number> {
  const progress = startProgress();
  const failures: Failures = [];
  const parts = [
    { name: "load", run: soakLoad },
    { name: "extremes", run: soakExtremes },
    { name: "connections", run: soakConnections },
  ] as const;
  for (const { name, run } of parts) {
    if (options.parts.includes(name)) failures.push(...(await run(options, progress)));
  }
  for (const failure of failures) process.stderr.write(`error: ${failure}\n`);
  return failures.length > 0 ? 1 : 0;
}

async function soakLoad(options: Options, progress: (line: string) => void): Promise<Failures> {
  const result = await runLoad({ ...options, progress });
  if (options.out !== undefined) await writeFile(options.out, JSON.stringify(result));
  const { tally, tookMs, requests, idle } = result;
  const { text, leaks } = judgeLoad(result);
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  process.stdout.write(
    `\n${tally.table()}\n\n${requests} requests in ${(tookMs / 1000).toFixed(0)} s\n\n${text}\n\n` +
      `After the load: RSS ${mb(idle.before.rssBytes)}; garbage collected ${mb(idle.collected.rss)}; ` +
      `free memory given back ${mb(idle.trimmed.rss)}; ${idle.after.descriptors} descriptors, ` +
      `${idle.after.threads} threads\n`,
  );
  const wrong = tally.wrongCount > 0 ? [`${tally.wrongCount} wrong answers`, ...tally.wrong] : [];
  return [...wrong, ...leaks];
}

async function soakExtremes(options: Options, progress: (line: string) => void): Promise<Failures> {
  const { text, failures } = await runExtremes({ ...options, progress });
  process.stdout.write(`\n${text}\n`);
  return failures;
}

async function soakConnections(
  options: Options,
  progress: (line: string) => void,
): Promise<Failures> {
  const { text, failures } = await runConnections({ ...options, progress });
  process.stdout.write(`\n${text}\n`);
  return failures;
}

await exitWith(main);
