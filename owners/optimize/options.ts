import type { LayerKind } from "./layers.js";
import { only, parseOptions, required } from "../options.js";
import { UsageError } from "../usage.js";

const optionsConfig = {
  manifest: { type: "string" },
  out: { type: "string", short: "o" },
  pictures: { type: "string", multiple: true },
  int8: { type: "boolean", default: false },
  layers: { type: "string" },
  portable: { type: "boolean", default: false },
  "min-agreement": { type: "string" },
  format: { type: "string", default: "ort" },
  force: { type: "boolean", short: "f", default: false },
} as const;

/** The layers that one attempt at a model puts into 8 bits. */
export interface LayerChoice {
  /** As it stands on the command line. */
  name: string;
  kinds: ReadonlySet<LayerKind>;
}

const choices: readonly LayerChoice[] = [
  { name: "all", kinds: new Set<LayerKind>(["linear", "convolution"]) },
  { name: "linear", kinds: new Set<LayerKind>(["linear"]) },
];

export interface OptimizeCommandOptions {
  modelFile: string;
  manifestFile: string;
  outFile: string;
  picturePaths: readonly string[];
  /** To be tried in turn; none for a model that stays in 32 bits. */
  layers: readonly LayerChoice[];
  isPortable: boolean;
  /** 0 to 1 */
  minAgreement: number;
  format: "onnx" | "ort";
  overwrites: boolean;
}

/** @throws UsageError */
export function readOptimizeOptions(argv: string[]): OptimizeCommandOptions {
  const { values, positionals } = parseOptions(argv, optionsConfig);
  const { format, int8, layers } = values;
  if (format !== "onnx" && format !== "ort") throw new UsageError("--format wants onnx or ort");
  if (!int8 && layers !== undefined) throw new UsageError("--layers belongs to --int8");
  if (!int8 && format === "onnx") throw new UsageError("--format onnx is for --int8");
  const chosen = choices.filter(({ name }) => name === (layers ?? name));
  if (chosen.length === 0) throw new UsageError("--layers wants all or linear");
  return {
    modelFile: only(positionals, "MODEL.onnx"),
    manifestFile: required(values.manifest, "manifest"),
    outFile: required(values.out, "out"),
    picturePaths: values.pictures ?? [],
    layers: int8 ? chosen : [],
    isPortable: values.portable,
    minAgreement: readPercent(values["min-agreement"] ?? "99"),
    format,
    overwrites: values.force,
  };
}

function readPercent(text: string): number {
  const value = /^\d+(?:\.\d+)?$/u.test(text) ? Number(text) : NaN;
  if (value >= 0 && value <= 100) return value / 100;
  throw new UsageError("--min-agreement wants a number from 0 to 100");
}
