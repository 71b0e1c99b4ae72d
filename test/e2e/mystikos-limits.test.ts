import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { flat } from "../helpers/pictures.js";
import { encrypt, setScene, type Scene } from "../helpers/scene.js";
import { projectFolder, startServer, type ServerProcess } from "../helpers/server-process.js";
import { answerNaming, upload } from "../helpers/upload.js";

const limits = join(projectFolder, "test/fixtures/platform/mystikos-limits.mjs");

describe("a server without the features that Mystikos lacks", () => {
  let scene: Scene;
  let server: ServerProcess;

  beforeAll(async () => {
    scene = await setScene();
    await scene.importKeys();
    scene.inference["Metrics"] = { Host: "127.0.0.1", Port: 0 };
    scene.environment["NODE_OPTIONS"] = `--import=${limits}`;
    scene.environment["MYST_TARGET"] = "sgx";
    server = await startServer(await scene.launch());
  });

  afterAll(async () => {
    await server.stop();
    await scene.close();
  });

  test("boots, classifies plain and encrypted pictures, and serves its metrics", async () => {
    const picture = await flat("green").png().toBuffer();
    for (const [name, bytes] of [
      ["green.png", picture],
      ["green.png.encrypted", encrypt(picture, scene.imageKey)],
    ] as const) {
      const { status, text } = await upload(server.port, name, bytes);
      expect([name, status]).toEqual([name, 200]);
      expect(text).toMatch(answerNaming("green"));
    }
    const metricsPort = Number(/"metricsPort":(\d+)/u.exec(server.output())?.[1]);
    for (let scrape = 0; scrape < 5; scrape += 1) {
      const metrics = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
      const text = await metrics.text();
      expect(metrics.status).toBe(200);
      expect(text).toContain('confml_requests_total{method="POST",route="/evaluate",status="200"');
      expect(text).not.toContain("process_resident_memory_bytes");
      if (scrape > 2) expect(text).not.toContain("process_cpu");
    }
  });

  test("logs the platform, the values that it cannot read, and that it cannot stop in order", async () => {
    const { platform } = (await (
      await fetch(`http://127.0.0.1:${server.port}/v2`)
    ).json()) as Record<string, unknown>;
    // MYST_TARGET does not change the kernel, which is the test machine's.
    expect(platform).toBe("none");
    expect(server.output()).toContain('"unreported":["processor list","resident memory"]');
    expect(server.output()).toContain('MYST_TARGET is \\"sgx\\", but the kernel is not Mystikos');
    expect(server.output()).toMatch(
      /"signals":\["SIGHUP",.*"SIGTERM",.*"reason":"a handler of SIGHUP is not in Mystikos"/u,
    );
  });
});
