import { join } from "node:path";
import { parseArgs } from "node:util";
import { UsageError } from "../exit.js";
import { projectFolder } from "../project.js";
import { loopback } from "./host.js";

export interface DemoOptions {
  model: string;
  manifest: { file: string } | { labels: string };
  images: string[];
  /** The address on which the server listens; loopback by default. */
  host: string;
  port: number;
  /** The number of data owners, each with a vault of its own. */
  owners: 1 | 2;
}

const demoFolder = join(projectFolder, "models/demo");
const demoImages = ["dog.jpg", "automotive.jpg", "strawberries.jpg"];
const largestPort = 65_535;

/**
 * Reads `[--model FILE (--labels FILE | --manifest FILE)] [--host ADDRESS] [--port N]
 * [--owners 1|2] [IMAGE …]`. An empty value counts as
 * absent, because make passes unset variables as empty values.
 *
 * @throws UsageError
 */
export function readOptions(defaultPort: number): DemoOptions {
  const text = { type: "string", default: "" } as const;
  const { values, positionals } = parseArgs({
    options: { model: text, labels: text, manifest: text, host: text, port: text, owners: text },
    allowPositionals: true,
  });
  const { model, labels, manifest } = values;
  if (labels !== "" && manifest !== "") throw new UsageError("give LABELS or MANIFEST, not both");
  if (model !== "" && labels === "" && manifest === "") {
    throw new UsageError("MODEL needs LABELS (one label a line) or MANIFEST (a model.json)");
  }
  if (model === "" && (labels !== "" || manifest !== "")) {
    throw new UsageError("LABELS and MANIFEST belong to a MODEL");
  }
  const port = values.port === "" ? defaultPort : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > largestPort) {
    throw new UsageError(`PORT: expected 0 to ${largestPort}; got ${values.port}`);
  }
  const { owners } = values;
  if (owners !== "" && owners !== "1" && owners !== "2") {
    throw new UsageError(`OWNERS: expected 1 or 2 data owners; got ${owners}`);
  }
  return {
    model: model === "" ? join(demoFolder, "alexnet.onnx") : model,
    manifest: labels === "" ? { file: manifest || join(demoFolder, "model.json") } : { labels },
    images: positionals.length > 0 ? positionals : demoImages.map((name) => join(demoFolder, name)),
    host: values.host || loopback,
    port,
    owners: owners === "2" ? 2 : 1,
  };
}
