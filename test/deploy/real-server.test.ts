import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { IIoK8sApiCoreV1Probe as Probe } from "kubernetes-models/v1/Probe";
import { setScene, type Scene } from "../helpers/scene.js";
import { startServer, type ServerProcess } from "../helpers/server-process.js";
import { clusterOf, only, renderWith } from "./cluster.js";
import { applicable, kubectl, render } from "./manifests.js";

const ours = kubectl === undefined ? describe.skip : describe;

ours("the real server", () => {
  let scene: Scene;
  let server: ServerProcess;
  let metricsPort = 0;

  beforeAll(async () => {
    scene = await setScene();
    await scene.importKeys();
    scene.inference["Metrics"] = { Host: "127.0.0.1", Port: 0 };
    server = await startServer(await scene.launch());
    metricsPort = Number(/"metricsPort":(\d+)/u.exec(server.output())?.[1]);
  });

  afterAll(async () => {
    await server.stop();
    await scene.close();
  });

  test.each(applicable.filter((name) => name !== "client"))(
    "answers 200 to every probe of %s",
    async (name) => {
      const { spec } = only(clusterOf(render(name)).deployments);
      const { startupProbe, readinessProbe, livenessProbe } = only(spec?.template.spec?.containers);
      const pathOf = (probe: Probe | undefined): string => probe?.httpGet?.path ?? "no path";
      expect(pathOf(readinessProbe)).toBe("/v2/health/ready");
      for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
        const response = await fetch(`http://127.0.0.1:${server.port}${pathOf(probe)}`);
        expect(response.status).toBe(200);
      }
    },
  );

  test("answers 200 where the ServiceMonitor reads the metrics", async () => {
    const { spec } = only(clusterOf(renderWith("service-monitor")).monitors);
    const path = only(spec.endpoints).path ?? "no path";
    const response = await fetch(`http://127.0.0.1:${metricsPort}${path}`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("# HELP");
  });

  test("shows the figure that the autoscaler may follow, one for each queue", async () => {
    const { spec } = only(clusterOf(renderWith("queue-scaling")).autoscalers);
    const name = spec?.metrics?.find(({ type }) => type === "Pods")?.pods?.metric.name ?? "";
    const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
    const lines = (await response.text()).split("\n").filter((line) => line.startsWith(`${name}{`));
    const queues = ["decode", "inference", "attestation"];
    expect(lines).toEqual(queues.map((queue) => `${name}{queue="${queue}"} 0`));
  });

  const curl = spawnSync("curl", ["--version"]).error === undefined;
  if (!curl) process.stderr.write("skipped: the client's Job, because there is no curl\n");
  (curl ? test : test.skip)(
    "answers what the client's Job sends, whose log has the server's error",
    async () => {
      const { spec } = only(clusterOf(render("client")).jobs);
      const { args = [] } = only(spec?.template.spec?.containers);
      const folder = await mkdtemp(join(tmpdir(), "confml-client-"));
      try {
        await writeFile(join(folder, "none.jpg"), "no picture");
        const words = args.map((arg) =>
          arg
            .replace("/pictures/$(PICTURE)", join(folder, "none.jpg"))
            .replace("$(SERVER)", `127.0.0.1:${server.port}`),
        );
        const child = spawn("curl", words, { stdio: ["ignore", "pipe", "ignore"] });
        let log = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          log += text;
        });
        const [code] = (await once(child, "close")) as [number];
        // curl(1): 22 is an answer of 400 or more. Neither 404 nor IMAGE_MISSING: the server has read the field.
        expect([code, log]).toEqual([22, expect.stringContaining("IMAGE_UNSUPPORTED: ")]);
        expect(log).toMatch(/\nseconds [\d.]+\n$/u);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});
