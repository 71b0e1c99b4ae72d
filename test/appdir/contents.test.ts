import { readFileSync, readdirSync, lstatSync, readlinkSync, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { projectFolder } from "../helpers/server-process.js";

const root = join(projectFolder, "appdir/root");
const isBuilt = existsSync(join(root, "app"));
const ours = isBuilt ? describe : describe.skip;
if (!isBuilt) process.stderr.write("skipped: there is no appdir/root, which make appdir builds\n");

interface Entry {
  path: string;
  kind: "file" | "folder" | "link";
  mode: number;
  bytes: number;
  seconds: number;
}

const entries: Entry[] = isBuilt
  ? readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => {
      const status = lstatSync(join(root, path));
      const kind = status.isSymbolicLink() ? "link" : status.isDirectory() ? "folder" : "file";
      return {
        path,
        kind,
        mode: status.mode & 0o7777,
        bytes: status.size,
        seconds: status.mtimeMs / 1000,
      };
    })
  : [];
const files = entries.filter(({ kind }) => kind === "file");
const paths = entries.map(({ path }) => path);
const matching = (pattern: RegExp): string[] => paths.filter((path) => pattern.test(path));

const packages = z
  .looseObject({
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")));

ours("the TEE's file system", () => {
  test("has at most 200 MB without a model", () => {
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes).toBeGreaterThan(100_000_000);
    expect(bytes).toBeLessThan(200_000_000);
  });

  test("has no program but Node, and nothing that another could be run with", () => {
    expect(files.filter(({ mode }) => (mode & 0o111) !== 0).map(({ path }) => path)).toEqual([
      "usr/bin/node",
    ]);
    expect(
      matching(/(^|\/)(ba|da|z|k)?sh$|(^|\/)(npm|npx|corepack|apt[\w-]*|dpkg[\w-]*)$/u),
    ).toEqual([]);
    expect(matching(/(^|\/)busybox|^usr\/sbin|^sbin|^bin(\/|$)/u)).toEqual([]);
  });

  test("has no documentation, test, source, type or source map", () => {
    const texts = matching(/\.(map|ts|mts|cts|md|txt|c|cc|cpp|h|hh|gyp|html)$/iu);
    const isLicense = (path: string): boolean => /licen[cs]e|notice|copying/iu.test(path);
    expect(texts.filter((path) => !isLicense(path))).toEqual(["app/dist/http/page.html"]);
    expect(texts.filter(isLicense)).not.toEqual([]);
    expect(matching(/(^|\/)(tests?|__tests__|examples?|docs?|\.github|\.husky)(\/|$)/u)).toEqual(
      [],
    );
    expect(matching(/^usr\/share\/(doc|man|locale|info)/u)).toEqual([]);
  });

  test("has the server, and neither the owners' commands nor the emulator", () => {
    expect(paths).toContain("app/dist/main.js");
    expect(matching(/^app\/dist\/(cli|optimize)/u)).toEqual([]);
    expect(matching(/emulator|stand-in/iu)).toEqual([]);
    for (const path of matching(/^app\/dist\/.*\.js$/u)) {
      expect(readFileSync(join(root, path), "utf8")).not.toContain("sourceMappingURL");
    }
  });

  test("has every package that the server needs, and none that only builds or tests it", () => {
    for (const name of Object.keys(packages.dependencies)) {
      expect(paths).toContain(`app/node_modules/${name}/package.json`);
    }
    const development = Object.keys(packages.devDependencies).filter(
      (name) => !(name in packages.dependencies),
    );
    expect(development.length).toBeGreaterThan(10);
    for (const name of development) expect(paths).not.toContain(`app/node_modules/${name}`);
  });

  test("has binaries for linux/x64 alone, sharp's for musl, and ONNX Runtime without its telemetry", () => {
    expect(matching(/\.(dll|dylib|exe)$|(^|\/)(darwin|win32|arm64)(\/|$)/u)).toEqual([]);
    expect(matching(/\.wasm$/u)).toEqual(["app/dist/image/resize.wasm"]);
    expect(matching(/^app\/node_modules\/@img\/sharp-[^/]*$/u).sort()).toEqual([
      "app/node_modules/@img/sharp-libvips-linuxmusl-x64",
      "app/node_modules/@img/sharp-linuxmusl-x64",
    ]);
    const [runtime = "", ...others] = matching(/\/libonnxruntime\.so/u).filter((path) =>
      files.some((file) => file.path === path),
    );
    expect(others).toEqual([]);
    expect(readFileSync(join(root, runtime)).includes("events.data.microsoft.com")).toBe(false);
  });

  test("has the configuration, the manifest and the certificates that Debian trusts", () => {
    const read = (path: string): string => readFileSync(path, "utf8");
    const inside = (path: string): string => read(join(root, path));
    expect(inside("app/config.json")).toBe(read(join(projectFolder, "config.json")));
    expect(inside("app/model.json")).toBe(read(join(projectFolder, "models/demo/model.json")));
    const certificates = inside("usr/lib/ssl/cert.pem").match(/-----BEGIN CERTIFICATE-----/gu);
    expect(certificates?.length).toBeGreaterThan(100);
  });

  test("has what config.json starts, and preloads", () => {
    const config = z
      .looseObject({
        ApplicationPath: z.string(),
        ApplicationParameters: z.array(z.string()),
        EnvironmentVariables: z.array(z.string()),
      })
      .parse(JSON.parse(readFileSync(join(projectFolder, "config.json"), "utf8")));
    const preloaded = config.EnvironmentVariables.map(
      (line) => /^LD_PRELOAD=(.*)/u.exec(line)?.[1],
    );
    const named = [config.ApplicationPath, ...config.ApplicationParameters, ...preloaded]
      .filter((word) => word?.startsWith("/"))
      .map((word) => String(word).slice(1));
    expect(named).toEqual([
      "usr/bin/node",
      "app/dist/main.js",
      "app/config.json",
      "lib/libconfml-shim.so",
    ]);
    for (const path of named) expect(paths).toContain(path);
  });

  test("tells nothing of who built it, or when", () => {
    expect(new Set(entries.map(({ seconds }) => seconds))).toEqual(new Set([1_767_225_600]));
    for (const { kind, mode, path } of entries) {
      const expected = { folder: path === "tmp" ? 0o1777 : 0o755, link: 0o777 };
      if (kind === "file") expect([0o644, 0o755]).toContain(mode);
      else expect([path, mode]).toEqual([path, expected[kind]]);
    }
    const text = files.filter(({ path }) => /\.(json|js|so)$|usr\/bin\/node/u.test(path));
    const traces = text.filter(({ path }) =>
      readFileSync(join(root, path)).includes(projectFolder.slice(0, -1)),
    );
    expect(traces).toEqual([]);
  });

  test("has links that lead to something in it", () => {
    const links = entries.filter(({ kind }) => kind === "link");
    expect(links.length).toBeGreaterThan(10);
    for (const { path } of links) {
      expect(readlinkSync(join(root, path))).not.toMatch(/^\//u);
      expect([path, existsSync(join(root, path))]).toEqual([path, true]);
    }
  });
});
