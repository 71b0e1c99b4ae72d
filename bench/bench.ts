import type { StagedModel } from "./servers.js";
import type { Options } from "./options.js";
import type { Results } from "./results.js";

/** What every part of the benchmark works with. */
export interface Bench {
  options: Options;
  /** Temporary files; removed at the end. */
  folder: string;
  /** Those of options.variants, fp32 first. */
  models: readonly StagedModel[];
  /** The picture of the load, as a file: plain, and under the data owner's key. */
  pictures: { plain: string; encrypted: string };
  /** The data owner's key, as a file. */
  keyFile: string;
  /** What was found is added to it. */
  results: Results;
  progress: (line: string) => void;
}

/** The demo's picture is what it is called, so that the form of a request is the README's. */
export const pictureName = "dog.jpg";

export function staged({ models }: Bench, name: StagedModel["name"]): StagedModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model === undefined) throw new Error(`${name} was not prepared`);
  return model;
}
