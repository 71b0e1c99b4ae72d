import { relative } from "node:path";
import { parseArgs } from "node:util";
import { corpusFolder, keepInput } from "./corpus.js";
import { exitWith } from "../scripts/exit.js";
import { projectFolder } from "../scripts/project.js";
import { runTarget } from "./run-target.js";
import { findTarget, targets } from "./targets.js";

/** `make fuzz`: fuzzes targets one after the other, and keeps inputs that fail. @returns the exit code */
async function main(): Promise<number> {
  const text = { type: "string", default: "" } as const;
  const { values } = parseArgs({
    options: { target: text, seconds: text, seed: text, input: text },
  });
  const names = values.target === "" ? targets.map(({ name }) => name) : [values.target];
  const seconds = values.seconds === "" ? 60 : Number(values.seconds);
  if (!(seconds > 0))
    throw new Error(`expected seconds above 0; got ${JSON.stringify(values.seconds)}`);
  if (values.input !== "" && names.length > 1) throw new Error("expected a target for this input");
  const seed = values.seed === "" ? String(Date.now()) : values.seed;
  process.stdout.write(`seed ${seed}\n`);
  let findings = 0;
  for (const name of names) {
    const target = await findTarget(name);
    const started = performance.now();
    const { report, finding } = await runTarget({
      target: name,
      corpus: corpusFolder,
      seed,
      seconds,
      ...(values.input === "" ? {} : { input: values.input }),
    });
    const rate = Math.round(report.inputs / ((performance.now() - started) / 1000));
    process.stdout.write(
      `${target.name.padEnd(18)} ${String(report.inputs).padStart(9)} inputs ${String(rate).padStart(7)}/s  ` +
        `longest ${report.longestMs.toFixed(1).padStart(6)} ms  ${report.outcomes} outcomes\n`,
    );
    if (finding === undefined) continue;
    findings += 1;
    const file = relative(projectFolder, await keepInput(target.name, finding.input));
    process.stdout.write(
      `${target.name}: ${finding.problem}\n` +
        `  the input is kept in ${file} (${finding.input.length} bytes)\n` +
        `  to try it again: make fuzz TARGET=${name} INPUT=${file}\n`,
    );
  }
  return findings === 0 ? 0 : 1;
}

await exitWith(main);
