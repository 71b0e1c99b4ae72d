import type { PreparedModel } from "./servers.js";
import type { Options } from "./options.js";
import type { Results } from "./results.js";

/** What all parts of the benchmark share. */
export interface Bench {
  options: Options;
  /** A folder for temporary files, removed at the end. */
  folder: string;
  /** The models of options.variants, fp32 first. */
  models: readonly PreparedModel[];
  /** Files with the picture that is sent: plain, and encrypted with the data owner's key. */
  pictures: { plain: string; encrypted: string };
  /** The file of the data owner's key. */
  keyFile: string;
  /** Each part adds its measurements. */
  results: Results;
  progress: (line: string) => void;
}

/** The file name in requests: that of the demo's picture, as in the documents. */
export const pictureName = "dog.jpg";

/** @throws Error where the variant is not among the models of this run */
export function modelNamed({ models }: Bench, name: PreparedModel["name"]): PreparedModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model === undefined) throw new Error(`${name} was not prepared`);
  return model;
}
