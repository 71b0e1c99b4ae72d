import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { z } from "zod";
import { projectFolder } from "../helpers/server-process.js";
import { deployFolder } from "./manifests.js";
import { stageOf } from "./dockerfile.js";

const file = join(deployFolder, "compose/compose.yaml");
const read = (path: string): string => readFileSync(join(projectFolder, path), "utf8");

/** The part of the Compose Specification (compose-spec.io) that the file uses, and no key more. */
const service = z.strictObject({
  image: z.string(),
  build: z.strictObject({ context: z.string(), target: z.string() }).optional(),
  ports: z.array(z.string()),
  read_only: z.literal(true).optional(),
  cap_drop: z.tuple([z.literal("ALL")]),
  security_opt: z.tuple([z.literal("no-new-privileges:true")]),
  tmpfs: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.literal("CMD")], z.string()),
      interval: z.string(),
      timeout: z.string(),
      retries: z.number(),
    })
    .optional(),
  volumes: z.array(z.string()).optional(),
  depends_on: z
    .union([
      z.array(z.string()),
      z.record(z.string(), z.strictObject({ condition: z.literal("service_healthy") })),
    ])
    .optional(),
});
const { services, volumes } = z
  .strictObject({
    name: z.literal("confml"),
    services: z.strictObject({ server: service, prometheus: service, grafana: service }),
    volumes: z.record(z.string(), z.strictObject({})),
  })
  .parse(parse(readFileSync(file, "utf8")));

describe("deploy/compose", () => {
  test("publishes ports on this machine alone", () => {
    for (const { ports } of Object.values(services)) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:(\d+):\1$/u);
    }
  });

  test("mounts files that exist, read-only, and volumes that it defines", () => {
    for (const mount of Object.values(services).flatMap((one) => one.volumes ?? [])) {
      const [source = "", , mode] = mount.split(":");
      if (!source.startsWith(".")) {
        expect(Object.keys(volumes)).toContain(source);
      } else {
        expect([source, existsSync(join(dirname(file), source)), mode]).toEqual([
          source,
          true,
          "ro",
        ]);
      }
    }
  });

  test("runs the Dockerfile's demo on the port that it listens on, with its keys in memory", () => {
    const { server } = services;
    expect(server.build).toEqual({ context: "../..", target: "demo" });
    const stage = stageOf(read("Dockerfile"), "demo");
    const textOf = (name: string): string => stage.find((one) => one.name === name)?.text ?? "";
    const [port = "", metricsPort = ""] = textOf("EXPOSE").split(" ");
    expect(server.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    const [uid, gid] = textOf("USER").split(":");
    expect(server.tmpfs).toContain(
      `${textOf("WORKDIR")}/.demo:uid=${uid ?? ""},gid=${gid ?? ""},mode=0700`,
    );
    const prometheus = read("deploy/compose/prometheus.yaml");
    expect(prometheus).toContain(`targets: ["server:${metricsPort}"]`);
  });

  test("gives Prometheus the alert rules and Grafana the dashboard, where they look for them", () => {
    const target = (name: "prometheus" | "grafana", source: string): string =>
      services[name].volumes?.find((one) => one.startsWith(`${source}:`))?.split(":")[1] ?? "";
    const rules = target("prometheus", "../monitoring/alerts.yaml");
    expect(read("deploy/compose/prometheus.yaml")).toContain(`rule_files: [${rules}]`);
    const dashboard = target("grafana", "../monitoring/dashboard.json");
    expect(read("deploy/compose/grafana-dashboards.yaml")).toContain(`path: ${dirname(dashboard)}`);
    expect(target("grafana", "./grafana-datasource.yaml")).toContain("/provisioning/datasources/");
  });

  const compose = spawnSync("docker", ["compose", "version"]).status === 0;
  if (!compose) process.stderr.write("skipped: docker compose config, because there is none\n");
  (compose ? test : test.skip)("is what docker compose takes", () => {
    const { status, stderr } = spawnSync(
      "docker",
      ["compose", "--file", file, "config", "--quiet"],
      {
        encoding: "utf8",
      },
    );
    expect([status, stderr]).toEqual([0, ""]);
  });
});
