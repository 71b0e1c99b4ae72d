import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { projectFolder } from "../docs/markdown.js";

const packageSchema = z.object({
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()).default({}),
  workspaces: z.unknown().optional(),
});
const read = (file: string): string => readFileSync(join(projectFolder, file), "utf8");
const readPackage = (file: string): z.infer<typeof packageSchema> =>
  packageSchema.parse(JSON.parse(read(file)));

const root = readPackage("package.json");
const client = readPackage("client/package.json");
const importedBy = (folder: string): string[] =>
  readdirSync(join(projectFolder, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [
      ...read(join(folder, file)).matchAll(/^(?:import|export)\b[^";]*from "([^"]+)";$/gmu),
    ])
    .map(([, name = ""]) => name);
/** The package of an import such as `@azure/identity` or `zod/v4`. */
const packageOf = (name: string): string => /^(?:@[^/]+\/)?[^/]+/u.exec(name)?.[0] ?? "";

describe("client/package.json", () => {
  test("lists the packages that the library imports, in the versions that are tested", () => {
    const imported = importedBy("client").filter((name) => !/^(?:\.|node:)/u.test(name));
    expect([...new Set(imported.map(packageOf))].sort()).toEqual(Object.keys(client.dependencies));
    const installed = { ...root.dependencies, ...root.devDependencies };
    for (const [name, version] of Object.entries(client.dependencies)) {
      expect(installed[name]).toBe(version);
    }
  });

  test("brings nothing into the TEE that the server does not import", () => {
    const server = new Set(importedBy("src").map(packageOf));
    const clientsAlone = Object.keys(client.dependencies).filter((name) => !server.has(name));
    for (const name of clientsAlone) expect(root.dependencies).not.toHaveProperty(name);
    expect(root.workspaces).toBeUndefined();
  });

  test("imports nothing of Node's outside client/node, so that it runs in browsers", () => {
    const ofNode = (names: string[]): string[] => names.filter((name) => name.startsWith("node:"));
    expect(ofNode(importedBy("client/node"))).not.toEqual([]);
    expect(ofNode(importedBy("client"))).toHaveLength(ofNode(importedBy("client/node")).length);
  });
});
