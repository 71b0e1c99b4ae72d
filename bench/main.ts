import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { encrypt } from "../scripts/demo/owners.js";
import { exitWith, interruption } from "../scripts/exit.js";
import { killAll } from "../scripts/process/launch.js";
import { startProgress } from "../scripts/progress.js";
import { projectFolder } from "../scripts/project.js";
import type { Bench } from "./bench.js";
import { judge, listBars } from "./bars.js";
import { measureBoots } from "./boots.js";
import { measureCores } from "./cores.js";
import { measureLoad, openLoopLimitMs } from "./load.js";
import { makeModels } from "./models.js";
import { help, readOptions, type Options } from "./options.js";
import { makePhotograph, photograph } from "./pictures.js";
import { plotSizes, plotThroughput } from "./plots.js";
import { replaceTable } from "./results-table.js";
import { report } from "./report.js";
import { describeMachine, readResults, type Results } from "./results.js";
import { prepareModel, type PreparedModel } from "./servers.js";
import { measureSizes } from "./sizes.js";

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  if (options.tableOnly) {
    await writeTable(options);
    return 0;
  }
  const folder = await mkdtemp(join(tmpdir(), "confml-bench-"));
  // At the very end: after a signal, the measuring goes on until the process exits and may write files.
  process.once("exit", () => {
    rmSync(folder, { recursive: true, force: true });
  });
  try {
    return await Promise.race([measure(options, folder), interruption()]);
  } finally {
    await killAll();
  }
}

async function measure(options: Options, folder: string): Promise<number> {
  const progress = startProgress();
  const keysFolder = join(folder, "keys");
  const files = await makeModels(join(folder, "models"), options.variants, progress);
  const models: PreparedModel[] = [];
  for (const file of files) {
    progress(`preparing ${file.name}`);
    models.push(await prepareModel(file, join(folder, file.name), keysFolder));
  }
  const photo = await makePhotograph();
  const pictures = { plain: join(folder, "dog.jpg"), encrypted: join(folder, "dog.jpg.encrypted") };
  const keyFile = join(keysFolder, "image.key");
  await writeFile(pictures.plain, photo);
  await writeFile(pictures.encrypted, encrypt(photo, await readFile(keyFile)));
  const { repeats, seconds, full, sections } = options;
  const { width, height } = photograph;
  const results: Results = {
    machine: await describeMachine(),
    settings: { repeats, seconds, full },
    picture: { width, height, bytes: photo.length },
    openLoopLimitMs,
    ...{ runs: [], bound: [], open: [], boots: [], sizes: [], neighbours: [], scaling: [] },
    notes: [],
  };
  const bench: Bench = { options, folder, models, pictures, keyFile, results, progress };
  const parts = [
    { names: ["load", "bound"], measureIt: measureLoad },
    { names: ["boot"], measureIt: measureBoots },
    { names: ["sizes"], measureIt: measureSizes },
    { names: ["cores"], measureIt: measureCores },
  ];
  for (const { names, measureIt } of parts) {
    if (!sections.some((section) => names.includes(section))) continue;
    await measureIt(bench);
    // After each part: where a later one fails, these results are kept.
    await writeResults(options, results);
  }
  progress(`results are in ${options.out}`);
  process.stdout.write(`\n${listBars(judge(results))}\n`);
  if (full) await writeTable(options);
  return 0;
}

async function writeResults({ out }: Options, results: Results): Promise<void> {
  await mkdir(out, { recursive: true });
  await writeFormatted(join(out, "results.json"), JSON.stringify(results));
  await writeFormatted(join(out, "results.md"), report(results));
  if (results.runs.length > 0) {
    await writeFile(join(out, "throughput.svg"), await plotThroughput(results));
  }
  if (results.sizes.length > 0) await writeFile(join(out, "sizes.svg"), await plotSizes(results));
}

async function writeTable({ out }: Options): Promise<void> {
  const page = join(projectFolder, "docs/performance.md");
  const results = await readResults(join(out, "results.json"));
  await writeFormatted(page, replaceTable(await readFile(page, "utf8"), results));
}

/** Writes a file formatted by prettier: results are committed, and `make test` checks their format. */
async function writeFormatted(file: string, text: string): Promise<void> {
  const config = await resolveConfig(file);
  await writeFile(file, await format(text, { ...config, filepath: file }));
}

await exitWith(main);
