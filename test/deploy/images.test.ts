import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { projectFolder } from "../helpers/server-process.js";
/** Images that are named without a digest, and why. `make pin-images` writes the digests of those from registries. */
const withoutDigest: Record<string, string> = {
  "debian:trixie-slim":
    "no registry could be asked where this was written; CI compares the image's files with those built without it",
  "mystikos.azurecr.io/mystikos-focal:latest":
    "no registry could be asked where this was written; what is in it is outside the enclave",
  "curlimages/curl:8.16.0":
    "no registry could be asked where this was written; it uploads the demo's pictures and has no key",
  "prom/prometheus:v3.5.0":
    "no registry could be asked where this was written; it runs beside the demo, and has no key",
  "grafana/grafana:12.1.0":
    "no registry could be asked where this was written; it runs beside the demo, and has no key",
  "registry.example/confml:0.1.0-sgx": "an example's name, in place of the deployer's own",
  "confml:local": "the image that the compose file builds",
  confml: "the image that the deployer builds, and names in an overlay",
};
const dockerfiles = ["Dockerfile", "deploy/Dockerfile.sgx"];
const manifests = readdirSync(join(projectFolder, "deploy"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => join("deploy", name));
const read = (path: string): string => readFileSync(join(projectFolder, path), "utf8");

/** What a Dockerfile takes from registries. */
function basesOf(text: string): string[] {
  const stages = [...text.matchAll(/^FROM .* AS (\S+)$/gmu)].map(([, name = ""]) => name);
  const variables = new Map(
    [...text.matchAll(/^ARG (\w+)=(.*)$/gmu)].map(([, name = "", value = ""]) => [name, value]),
  );
  const taken = [...text.matchAll(/^(?:FROM|COPY --from=)\s*(\S+)/gmu)].map(
    ([, name = ""]) => name,
  );
  return taken
    .map((name) => variables.get(/^\$\{(\w+)\}$/u.exec(name)?.[1] ?? "") ?? name)
    .filter((name) => name !== "scratch" && !stages.includes(name));
}

describe("images", () => {
  const found = [
    ...dockerfiles.flatMap((file) => basesOf(read(file))),
    ...manifests.flatMap((file) =>
      [...read(file).matchAll(/^\s*(?:- )?image: (\S+)$/gmu)].map(([, name = ""]) => name),
    ),
  ];

  test("are named by digest, but for those with a reason", () => {
    expect(found.length).toBeGreaterThan(4);
    const unpinned = found.filter((name) => !/@sha256:[0-9a-f]{64}$/u.test(name));
    expect(unpinned.filter((name) => withoutDigest[name] === undefined)).toEqual([]);
    // None is excused for longer than it needs it.
    expect(Object.keys(withoutDigest).filter((name) => !unpinned.includes(name))).toEqual([]);
  });
});

const docker = spawnSync("which", ["docker"], { encoding: "utf8" }).stdout.trim();
if (docker === "") process.stderr.write("skipped: make pin-images, which needs docker's client\n");
const digestOf = (text: string): string =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;

(docker === "" ? describe.skip : describe)("make pin-images", () => {
  let folder = "";
  let server: Server;
  let port = 0;
  /** By path. */
  const documents = new Map<string, { type: string; text: string }>();
  const media = "application/vnd.docker.distribution.manifest";

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "confml-images-"));
    mkdirSync(join(folder, "scripts"));
    mkdirSync(join(folder, "bin"));
    cpSync(join(projectFolder, "scripts/pin-images.sh"), join(folder, "scripts/pin-images.sh"));
    // The client takes a registry without TLS only where it is told to.
    const wrapper = `#!/bin/sh\nshift 2\nexec ${docker} manifest inspect --insecure "$@"\n`;
    writeFileSync(join(folder, "bin/docker"), wrapper, { mode: 0o755 });
    server = createServer(({ url = "" }, response) => {
      const document =
        url === "/v2/" ? { type: "application/json", text: "{}" } : documents.get(url);
      if (document === undefined) response.statusCode = 404;
      response.setHeader("content-type", document?.type ?? "text/plain");
      response.end(document?.text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    port = typeof address === "object" && address !== null ? address.port : 0;
  });

  afterEach(async () => {
    documents.clear();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  /** @returns the digest of an image of one platform */
  function publish(name: string, tag: string, architecture: string): string {
    const config = JSON.stringify({
      architecture,
      os: "linux",
      rootfs: { type: "layers", diff_ids: [] },
    });
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: `${media}.v2+json`,
      config: {
        mediaType: "application/vnd.docker.container.image.v1+json",
        size: config.length,
        digest: digestOf(config),
      },
      layers: [],
    });
    const digest = digestOf(text);
    for (const reference of [tag, digest]) {
      documents.set(`/v2/${name}/manifests/${reference}`, { type: `${media}.v2+json`, text });
    }
    documents.set(`/v2/${name}/blobs/${digestOf(config)}`, {
      type: "application/json",
      text: config,
    });
    return digest;
  }

  /** @returns the digest of the one for amd64 */
  function publishIndex(name: string, tag: string): string {
    const manifests = ["arm64", "amd64"].map((architecture) => {
      const digest = publish(name, architecture, architecture);
      const size = documents.get(`/v2/${name}/manifests/${digest}`)?.text.length;
      return {
        mediaType: `${media}.v2+json`,
        digest,
        size,
        platform: { architecture, os: "linux" },
      };
    });
    const type = `${media}.list.v2+json`;
    const text = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests });
    documents.set(`/v2/${name}/manifests/${tag}`, { type, text });
    return manifests[1]?.digest ?? "";
  }

  function pin(
    files: Record<string, string>,
  ): Promise<{ code: unknown; stderr: string; files: string[] }> {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const PATH = `${join(folder, "bin")}:${process.env["PATH"] ?? ""}`;
    const child = spawn(join(folder, "scripts/pin-images.sh"), Object.keys(files), {
      env: { PATH, HOME: folder },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    return new Promise((resolve) => {
      child.once("close", (code) => {
        const now = Object.keys(files).map((name) => readFileSync(join(folder, name), "utf8"));
        resolve({ code, stderr, files: now });
      });
    });
  }

  test("writes each image's digest for amd64 where it is named, and again where it changed", async () => {
    const base = publishIndex("base", "1.2-slim");
    const tool = publish("team/tool", "8", "amd64");
    const [one, other] = [`127.0.0.1:${port}/base:1.2-slim`, `127.0.0.1:${port}/team/tool:8`];
    const old = `@sha256:${"0".repeat(64)}`;
    const dockerfile = (digest: string): string =>
      `FROM ${one}${digest} AS build\nRUN x\nFROM ${one}${digest}\nFROM scratch\nCOPY --from=build / /\n`;
    const manifest = (digest: string): string => `a:\n  image: ${other}${digest}\n  b: confml\n`;
    const { code, files } = await pin({ Dockerfile: dockerfile(""), "a.yaml": manifest(old) });
    expect(code).toBe(0);
    expect(files).toEqual([dockerfile(`@${base}`), manifest(`@${tool}`)]);
  });

  test("says which registry gave no digest, and makes none up", async () => {
    const tool = publish("tool", "8", "amd64");
    publish("arm", "1", "arm64");
    const line = (name: string): string => `FROM 127.0.0.1:${port}/${name}`;
    const text = [line("tool:8"), line("gone:1"), line("arm:1"), ""].join("\n");
    const { code, stderr, files } = await pin({ Dockerfile: text });
    expect(code).toBe(69);
    expect(stderr).toContain(`error: 127.0.0.1:${port}/gone:1: its registry gave no digest\n`);
    expect(stderr).toContain(`error: 127.0.0.1:${port}/arm:1: its registry gave no digest\n`);
    expect(files).toEqual([text.replace("tool:8", `tool:8@${tool}`)]);
  });

  test("finds every image of the project that is without one", () => {
    const script = read("scripts/pin-images.sh");
    const [, list = ""] = /set -- (.*)$/mu.exec(script) ?? [];
    expect(list.split(" ")).toEqual([
      ...dockerfiles,
      "deploy/client/confml_client.yaml",
      "deploy/compose/compose.yaml",
    ]);
  });
});
