import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { testApp } from "../helpers/test-app.js";
import { projectFolder } from "./markdown.js";

test("docs/http.md's inference request is answered, here by another model", async () => {
  const document = readFileSync(join(projectFolder, "docs/http.md"), "utf8");
  const [, command = ""] = /^\$ (printf .*\\\n.*\/infer)$/mu.exec(document) ?? [];
  const { app } = await testApp({ limits: { maxBytes: 1_000_000 } });
  const server = createServer(app).listen(0, "127.0.0.1");
  try {
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const line = command
      .replace("127.0.0.1:8000", `127.0.0.1:${port}`)
      .replace("alexnet-demo", "colours")
      .replace('"input"', '"pixels"');
    const run = promisify(execFile);
    const { stdout } = await run("bash", ["-c", line], { cwd: projectFolder });
    expect(JSON.parse(stdout)).toMatchObject({
      model_name: "colours",
      outputs: [{ shape: [1, 1], data: [expect.stringMatching(/^0\.\d+:\d:\w+$/u)] }],
    });
  } finally {
    server.close();
  }
});
