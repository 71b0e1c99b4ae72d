import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { flat } from "../helpers/pictures.js";
import { projectFolder } from "../helpers/server-process.js";

/**
 * A network namespace in which every address leads back to the one host, so that an attempt to reach any
 * other host is refused and counted by the kernel, whether JavaScript or a library makes it.
 */
const oneHostNetwork = `
  ip link set lo up &&
  ip route add local default dev lo &&
  ip -6 route add local default dev lo &&
  "$@" && cat /proc/net/snmp /proc/net/snmp6`;

const inOneHostNetwork = ["--net", "sh", "-c", oneHostNetwork, "sh"];

/** The kernel's counters by name, such as `Tcp.AttemptFails` or `Udp6OutDatagrams`. */
function counters(text: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [, group = "", names = "", values = ""] of text.matchAll(
    /^(\w+): ([A-Za-z].*)\n\1: (-?\d.*)$/gmu,
  )) {
    const numbers = values.split(" ").map(Number);
    names.split(" ").forEach((name, index) => found.set(`${group}.${name}`, numbers[index] ?? -1));
  }
  for (const [, name = "", value] of text.matchAll(/^(\w+6\w+)\s+(\d+)$/gmu)) {
    found.set(name, Number(value));
  }
  return found;
}

function run(command: string[]) {
  const { status, stdout, stderr } = spawnSync("unshare", [...inOneHostNetwork, ...command], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
  });
  return { status, stdout, stderr, counters: counters(stdout) };
}

const probe = run(["true"]);
const possible = probe.status === 0;
if (!possible) {
  const reason = probe.stderr.trim() || "no unshare or ip command";
  process.stdout.write(`skipped: connections.test.ts needs a network namespace (${reason})\n`);
}

describe("a running server", () => {
  let folder = "";

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "confml-connections-"));
    await flat("red").png().toFile(join(folder, "red.png"));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  (possible ? test : test.skip)("opens no connections except configured ones", () => {
    const models = join(projectFolder, "test/fixtures/models");
    const demo = run([
      process.execPath,
      join(projectFolder, "build/scripts/demo/run.js"),
      "--model",
      join(models, "colours.onnx"),
      "--manifest",
      join(models, "colours.json"),
      join(folder, "red.png"),
    ]);
    expect(demo.stderr).toBe("");
    expect(demo.stdout).toContain("1 of 1 encrypted images answered exactly like the plain ones");
    expect(demo.counters.get("Tcp.ActiveOpens")).toBeGreaterThan(3);
    // No refused connection, no DNS query, no packet without a route.
    for (const counter of [
      "Tcp.AttemptFails",
      "Udp.OutDatagrams",
      "Ip.OutNoRoutes",
      "Udp6OutDatagrams",
      "Ip6OutNoRoutes",
    ]) {
      expect([counter, demo.counters.get(counter)]).toEqual([counter, 0]);
    }
  });

  (possible ? test : test.skip)("would fail this test if it opened another connection", () => {
    const reach = `
      require("node:net").connect(1, "127.0.0.1").on("error", () => {});
      const socket = require("node:dgram").createSocket("udp4");
      socket.send("x", 1, "127.0.0.1", () => socket.close());`;
    const caught = run([process.execPath, "-e", reach]);
    expect(caught.counters.get("Tcp.AttemptFails")).toBe(1);
    expect(caught.counters.get("Udp.OutDatagrams")).toBe(1);
  });

  test("holds no address of ONNX Runtime's telemetry collector", async () => {
    const library = "node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime.so.1";
    const code = await readFile(join(projectFolder, library));
    expect(code.length).toBeGreaterThan(1_000_000);
    expect(code.includes("InferenceSession")).toBe(true);
    expect(code.includes("events.data.microsoft.com")).toBe(false);
  });
});
