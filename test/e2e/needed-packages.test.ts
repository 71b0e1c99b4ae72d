import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sealJwe } from "../../src/crypto/jwe.js";
import { flat } from "../helpers/pictures.js";
import { setScene, type Scene } from "../helpers/scene.js";
import { projectFolder, startServer, type ServerProcess } from "../helpers/server-process.js";

/** Modules that contain only types, and so have no compiled code to reach. */
const typesAlone = "export {};\n";

/** Copies files and folders, by hard links where the file system allows them: packages take 400 MB. */
function place(from: string, to: string): void {
  try {
    execFileSync("cp", ["-rl", from, to], { stdio: "ignore" });
  } catch {
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
  }
}

describe("the packages that the server loads", () => {
  let folder: string;
  let packages: string[];
  let scene: Scene | undefined;
  let server: ServerProcess | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "confml-files-"));
    const lister = join(projectFolder, "scripts/needed-packages.mjs");
    packages = execFileSync(process.execPath, [lister, projectFolder], { encoding: "utf8" })
      .trim()
      .split("\n");
    for (const path of [...packages, "dist", "package.json"]) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      place(join(projectFolder, path), join(folder, path));
    }
    scene = await setScene();
    await scene.importKeys();
    const launch = await scene.launch();
    server = await startServer({
      ...launch,
      environment: { ...launch.environment, MAIN: join(folder, "dist/main.js") },
      wrapper: ["/bin/sh", "-c", 'node=$1; shift 2; exec "$node" "$MAIN" "$@"', "sh"],
    });
  });

  afterAll(async () => {
    await server?.stop();
    await scene?.close();
    rmSync(folder, { recursive: true });
  });

  function url(): string {
    return `http://127.0.0.1:${server?.port ?? 0}`;
  }

  async function evaluate(content: Uint8Array<ArrayBuffer>, name: string): Promise<Response> {
    const form = new FormData();
    form.append("image", new Blob([content]), name);
    return await fetch(`${url()}/evaluate`, { method: "POST", body: form });
  }

  test.each(["png", "jpeg", "webp", "gif", "tiff", "avif"] as const)(
    "are all that it needs for a %s picture",
    async (format) => {
      const picture = await flat("red").toFormat(format).toBuffer();
      const response = await evaluate(new Uint8Array(picture), `red.${format}`);
      expect(await response.text()).toContain("('red'");
    },
  );

  test("are all that it needs for an encrypted picture, an error and its metadata", async () => {
    const picture = await flat("red").png().toBuffer();
    const jwe = await sealJwe(scene?.sealKey ?? Buffer.alloc(0), picture, { kid: "SealKey" });
    expect((await evaluate(new TextEncoder().encode(jwe), "red.jwe")).status).toBe(200);
    expect((await evaluate(new Uint8Array([1, 2, 3]), "red.png")).status).toBe(415);
    const metadata = await fetch(`${url()}/v2`);
    expect(metadata.status).toBe(200);
  });

  test("do not include those that only install or build", () => {
    expect(packages.length).toBeGreaterThan(50);
    const needless = ["adm-zip", "global-agent", "jest", "typescript", "@vercel/nft"];
    expect(packages.filter((path) => needless.includes(path.slice(13)))).toEqual([]);
  });
});

test("every compiled file of src is reached from the server or the inference thread", async () => {
  const { nodeFileTrace } = await import("@vercel/nft");
  const dist = join(projectFolder, "dist");
  const entries = ["main.js", "inference/inference-worker.js"].map((path) => join(dist, path));
  const { fileList } = await nodeFileTrace(entries, {
    base: dist,
    ignore: (path) => path.startsWith(".."),
  });
  const compiled = execFileSync("find", [".", "-name", "*.js"], { cwd: dist, encoding: "utf8" })
    .trim()
    .split("\n")
    .map((path) => path.slice(2));
  expect(compiled.length).toBeGreaterThan(100);
  const unreached = compiled
    .filter((path) => !fileList.has(path))
    .filter((path) => readFileSync(join(dist, path), "utf8") !== typesAlone);
  expect(unreached).toEqual([]);
});
