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
    expect(lines).toEqual([`${name}{queue="decode"} 0`, `${name}{queue="inference"} 0`]);
  });

  test("answers what the client's Job sends, on the path that it names", async () => {
    const { spec } = only(clusterOf(render("client")).jobs);
    const { args = [] } = only(spec?.template.spec?.containers);
    const path = args.at(-1)?.replace("http://$(SERVER)", "") ?? "";
    const [field] = args[args.indexOf("--form") + 1]?.split("=") ?? [];
    const form = new FormData();
    form.set(String(field), new Blob(["no picture"]), "none.jpg");
    const url = `http://127.0.0.1:${server.port}${path}`;
    const response = await fetch(url, { method: "POST", body: form });
    // Neither 404 nor IMAGE_MISSING: it has read the field.
    expect(await response.text()).toContain("IMAGE_UNSUPPORTED");
    expect(response.status).toBe(415);
  });
});
