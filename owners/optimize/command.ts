import { describeCause } from "../../src/errors.js";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import {
  answerPictures,
  findRanges,
  optimizeModel,
  type Answers,
  type OptimizedModel,
} from "./optimize.js";
import { referenceAnswer } from "./convert.js";
import { hasExactProducts } from "./processor.js";
import type { Range } from "./scales.js";
import { checkInput, maxModelBytes, readInput } from "../io/input.js";
import { compareAnswers, describeAgreement, percent } from "./agreement.js";
import { describeOptimized } from "./manifest.js";
import { readOptimizeOptions, type LayerChoice, type OptimizeCommandOptions } from "./options.js";
import { outputRules, refuseOutputs, writeModelFiles } from "./output.js";
import { listPictures } from "../io/picture-files.js";
import { noisePictures, readPictures } from "./pictures.js";
import { endProgress, showProgress } from "../io/progress.js";
import { withScratchFolder } from "./scratch.js";
import type { OutputRules } from "../io/output-target.js";
import { printLines, warn } from "../io/streams.js";
import { CommandError } from "../usage.js";

const fewestToCalibrate = 16;
const enoughToCalibrate = 100;
const fewestHeldOut = 8;
const noiseCount = 16;

/** `confml model optimize` */
export async function optimizeCommand(argv: string[]): Promise<number> {
  const options = readOptimizeOptions(argv);
  const files = await listPictures(options.picturePaths, "--pictures");
  const rules = outputRules(options, files);
  refuseOutputs(options, rules);
  await checkInput(options.manifestFile, "--manifest");
  const manifest = await loadManifest(options.manifestFile);
  const model = await readInput(options.modelFile, "MODEL.onnx", maxModelBytes);
  // A model that no server would take fails here, before the pictures are read.
  await load(() => answerPictures(model, "onnx", manifest, [], () => undefined), options);
  const pictures = await choosePictures(options, files, manifest);
  try {
    await withScratchFolder(options.outFile, (folder) =>
      optimize({ options, rules, manifest, model, pictures, folder }),
    );
  } finally {
    endProgress();
  }
  return 0;
}

interface Job {
  options: OptimizeCommandOptions;
  rules: OutputRules;
  manifest: Manifest;
  model: Uint8Array;
  pictures: readonly Uint8Array[];
  folder: string;
}

interface Attempt {
  optimized: OptimizedModel;
  /** The text that is printed, and stored in the manifest. */
  report: string;
  /** The share of pictures with the same first label, 0 to 1. */
  agreement: number;
}

async function optimize(job: Job): Promise<void> {
  const { options, rules, manifest, model, pictures } = job;
  const original = await answerPictures(model, "onnx", manifest, pictures, (done, of) => {
    showProgress("the original's answers", done, of);
  });
  const isInteger = options.layers.length > 0;
  const calibrating = pictures.filter((_, index) => index % 2 === 0);
  const ranges = isInteger
    ? await findRanges(model, manifest, calibrating, (done, of) => {
        showProgress("calibrating", done, of);
      })
    : new Map<string, Range>();
  let best: Attempt | undefined;
  for (const choice of isInteger ? options.layers : [undefined]) {
    const attempt = await tryLayers(job, original, choice, ranges);
    if (attempt === undefined) continue;
    if (attempt.agreement >= options.minAgreement) {
      const { bytes, format } = attempt.optimized;
      const reference = await referenceAnswer(bytes, format, manifest);
      const described = describeOptimized(manifest, attempt.optimized, attempt.report, reference);
      await printLines(await writeModelFiles(options, rules, bytes, described, model.length));
      return;
    }
    if (best === undefined || attempt.agreement > best.agreement) best = attempt;
  }
  throw refusal(options, best);
}

async function tryLayers(
  { options, manifest, model, pictures, folder }: Job,
  original: Answers,
  choice: LayerChoice | undefined,
  ranges: ReadonlyMap<string, Range>,
): Promise<Attempt | undefined> {
  const { format, isPortable } = options;
  const eightBits =
    choice === undefined
      ? {}
      : { eightBits: { kinds: choice.kinds, ranges, isExact: await hasExactProducts() } };
  const name = choice === undefined ? "32 bits" : `8 bits, layers ${choice.name}`;
  showProgress(`${name}: converted`, 0, 1);
  const optimized = await optimizeModel(model, { format, isPortable, folder, ...eightBits });
  if (choice !== undefined && optimized.layers === 0) {
    endProgress();
    await printLines([`${name}: the model has none that could run in 8 bits`]);
    return undefined;
  }
  const answers = await answerPictures(optimized.bytes, format, manifest, pictures, (done, of) => {
    showProgress(`${name}: answers`, done, of);
  });
  const { type } = manifest.output;
  const all = compareAnswers(original.scores, answers.scores, type);
  const heldOut = (_: unknown, index: number): boolean => choice !== undefined && index % 2 === 1;
  const others = compareAnswers(
    original.scores.filter(heldOut),
    answers.scores.filter(heldOut),
    type,
  );
  const isJudgedByOthers = others.pictures >= fewestHeldOut;
  const report = describeAgreement(all);
  endProgress();
  await printLines([
    `${name}${choice === undefined ? "" : ` (${optimized.layers} of them)`}: ${report}`,
    ...(isJudgedByOthers ? [`  held out from calibration: ${describeAgreement(others)}`] : []),
    `  ${original.msPerPicture.toFixed(1)} ms for a picture before, ${answers.msPerPicture.toFixed(1)} ms now, on this machine`,
  ]);
  return { optimized, report, agreement: (isJudgedByOthers ? others : all).top1 };
}

async function choosePictures(
  { layers }: OptimizeCommandOptions,
  files: readonly string[],
  manifest: Manifest,
): Promise<Uint8Array[]> {
  const isInteger = layers.length > 0;
  const pictures = await readPictures(files, manifest);
  endProgress();
  if (isInteger && pictures.length < fewestToCalibrate) {
    throw new CommandError(
      `--int8 needs at least ${fewestToCalibrate} pictures to calibrate with; got ${pictures.length}`,
      [
        `give a folder with --pictures: ${enoughToCalibrate} or more, such as the model will see, of every label`,
      ],
    );
  }
  if (isInteger && pictures.length < enoughToCalibrate) {
    warn([
      `${pictures.length} pictures are few: with ${enoughToCalibrate} or more the scales and the comparison are surer`,
    ]);
  }
  if (pictures.length > 0) return pictures;
  warn([`no --pictures: the models are compared on ${noiseCount} pictures of noise`]);
  return noisePictures(noiseCount, manifest);
}

async function load<T>(
  action: () => Promise<T>,
  { modelFile }: OptimizeCommandOptions,
): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new CommandError(
      `${modelFile}: ${describeCause(cause)}`,
      [
        "a server would refuse this model, too: it has to be ONNX, whole in one file, and its manifest's",
      ],
      { cause },
    );
  }
}

function refusal(
  { minAgreement, layers }: OptimizeCommandOptions,
  best: Attempt | undefined,
): CommandError {
  if (best === undefined) {
    return new CommandError("nothing of this model can run in 8 bits", [
      "without --int8 it can still be converted",
    ]);
  }
  return new CommandError(
    `nothing written: at least ${percent(minAgreement)} of the first answers have to be the original's (--min-agreement); ${percent(best.agreement)} are`,
    layers.length > 0
      ? [
          "more pictures, and such as the model will see, may help; without --int8 nothing is rounded",
        ]
      : [],
  );
}
