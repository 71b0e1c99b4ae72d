import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { version } from "../../src/version.js";
import { projectFolder } from "../helpers/server-process.js";

const packageSchema = z.looseObject({
  name: z.string(),
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
});
const npm = join(projectFolder, "node_modules/npm/bin/npm-cli.js");
const models = join(projectFolder, "test/fixtures/models");
const allowed =
  /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|build\/dist\/image\/resize\.wasm|build\/(?:client|owners|src)\/[a-z0-9/-]+\.js)$/u;
const patienceMs = 120_000;

let folder = "";
let app = "";
let packed: string[] = [];

/** Installs the package into an empty folder. Its dependencies are links to the project's, so no network is needed. */
function install(tarball: string): void {
  const text = readFileSync(join(projectFolder, "package.json"), "utf8");
  const { dependencies } = packageSchema.parse(JSON.parse(text));
  const links = Object.keys(dependencies).map((name) => [
    name,
    `file:${join(projectFolder, "node_modules", name)}`,
  ]);
  const overrides: unknown = Object.fromEntries(links);
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, overrides }));
  const words = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const cache = join(folder, "cache");
  execFileSync(process.execPath, [npm, "install", ...words, "--cache", cache, tarball], {
    cwd: app,
  });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-package-"));
  app = join(folder, "an app");
  mkdirSync(app);
  execFileSync(join(projectFolder, "scripts/npm-package.sh"), [join(folder, "out")]);
  const tarball = join(folder, "out", "commands.tgz");
  packed = execFileSync("tar", ["-tzf", tarball], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((path) => path.replace(/^package\//u, ""));
  install(tarball);
}, patienceMs);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function confml(...args: string[]) {
  const command = join(app, "node_modules/.bin/confml");
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: app, encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("the npm package", () => {
  test("holds nothing outside the list of what may be in it", () => {
    expect(packed.filter((path) => !allowed.test(path))).toEqual([]);
    expect(packed.length).toBeGreaterThan(50);
  });

  test("holds no key, no emulator, no test, no server and no file whose source is gone", () => {
    expect(
      packed.filter((path) => /\.(?:key|pem)$|emulator|\btests?\b|src\/http/u.test(path)),
    ).toEqual([]);
    const compiled = packed.filter((path) => path.endsWith(".js"));
    const source = (path: string): string =>
      join(projectFolder, path.replace("build/", "").replace(/\.js$/u, ".ts"));
    expect(compiled.filter((path) => !existsSync(source(path)))).toEqual([]);
    for (const path of packed) {
      const content = readFileSync(join(app, "node_modules/@confml/confml", path), "latin1");
      expect(content).not.toMatch(/-----BEGIN [A-Z ]*PRIVATE KEY-----\s+\S{16}/u);
    }
  });

  test("is what npm pack in the checkout would pack as well, whatever lies there", () => {
    const words = ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=silent"];
    const listed: unknown = JSON.parse(
      execFileSync(process.execPath, [npm, ...words], { cwd: projectFolder, encoding: "utf8" }),
    );
    const fileList = z.object({ files: z.array(z.object({ path: z.string() })) });
    const [pack] = z
      .tuple([fileList])
      .parse(Array.isArray(listed) ? listed : Object.values(z.object({}).loose().parse(listed)));
    expect(pack.files.map(({ path }) => path).filter((path) => !allowed.test(path))).toEqual([]);
  });

  test("has the version of the sources, and of the changelog", () => {
    expect(confml("--version")).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
    const text = readFileSync(join(projectFolder, "package.json"), "utf8");
    expect(packageSchema.parse(JSON.parse(text))).toMatchObject({
      name: "@confml/confml",
      version,
    });
    const changelog = readFileSync(join(projectFolder, "CHANGELOG.md"), "utf8");
    const headings = [...changelog.matchAll(/^## \[(.+)\]/gmu)].map(([, heading]) => heading);
    expect(headings.slice(0, 2)).toEqual(["Unreleased", version]);
  });

  test("makes keys, encrypts, decrypts and writes policies where it is installed", () => {
    writeFileSync(join(app, "picture.jpg"), "a picture");
    expect(confml("keygen", "data.key").status).toBe(0);
    const jwe = ["--key", "data.key", "--kid", "DataKey", "picture.jpg"];
    expect(confml("encrypt", ...jwe)).toEqual({ status: 0, stdout: "", stderr: "" });
    const opened = confml("decrypt", "--key", "data.key", "picture.jpg.jwe");
    expect(opened).toEqual({ status: 0, stdout: "a picture", stderr: "" });
    const authority = ["--authority", "https://name.weu.attest.azure.net"];
    const policy = confml("policy", ...authority, "--mrenclave", "5f".repeat(32), "-o", "p.json");
    expect(policy.status).toBe(0);
    expect(confml("policy", "explain", "p.json").stdout).toContain("5f5f");
  });

  test("optimizes models where it is installed", async () => {
    const picture = await (await import("../helpers/pictures.js")).flat("red").png().toBuffer();
    writeFileSync(join(app, "red.png"), picture);
    const { status, stderr } = confml(
      ...["model", "optimize", join(models, "colours.onnx"), "--out", "colours.ort"],
      ...["--manifest", join(models, "colours.json"), "--pictures", "red.png"],
    );
    expect([status, stderr]).toEqual([0, ""]);
    expect(readFileSync(join(app, "colours.ort")).toString("latin1", 4, 8)).toBe("ORTM");
  });

  test("loads the packages of Azure for keys in vaults", () => {
    const { status, stderr } = confml("key", "show", "K", "--vault", "http://not.https");
    expect(status).toBe(64);
    expect(stderr).toContain("--vault wants an address");
  });
});
