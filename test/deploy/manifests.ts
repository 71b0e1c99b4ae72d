import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { parseAllDocuments } from "yaml";
import { projectFolder } from "../helpers/server-process.js";

export const deployFolder = join(projectFolder, "deploy");

/** Everything that can be applied as it is, by folder. */
export const applicable = [
  "overlays/aks-sgx",
  "overlays/aks-sgx-cilium",
  "overlays/aks-sgx-public",
  "overlays/local",
  "client",
] as const;

/** Parts that an overlay may add. */
export const components = ["service-monitor", "cilium", "queue-scaling"] as const;

export type Manifest = Record<string, unknown>;

/** Undefined where the machine has none. */
export const kubectl = findKubectl();

if (kubectl === undefined) {
  process.stderr.write(
    "skipped: what test/deploy renders needs kubectl, in build/tools (make test) or on PATH\n",
  );
}

function findKubectl(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  // The pinned one first: an old one knows no components.
  return [join(projectFolder, "build/tools/usr/bin"), ...folders]
    .map((folder) => join(folder, "kubectl"))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** @param folder in `deploy/`, or absolute */
export function render(folder: string): Manifest[] {
  if (kubectl === undefined) throw new Error("there is no kubectl");
  const path = folder.startsWith("/") ? folder : join(deployFolder, folder);
  return readManifests(execFileSync(kubectl, ["kustomize", path], { encoding: "utf8" }));
}

export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.join("\n"));
    const value: unknown = document.toJS();
    if (!isManifest(value)) throw new Error(`not a manifest: ${JSON.stringify(value)}`);
    return value;
  });
}

export function isManifest(value: unknown): value is Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
