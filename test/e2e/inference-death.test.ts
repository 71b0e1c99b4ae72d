import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { setScene } from "../helpers/scene.js";
import { projectFolder, startServer } from "../helpers/server-process.js";

test("a server whose inference thread dies ends, logs the reason, and leaves no key", async () => {
  const scene = await setScene();
  try {
    await scene.importKeys();
    const mortal = join(projectFolder, "test/fixtures/platform/mortal-threads.mjs");
    scene.environment["NODE_OPTIONS"] = `--import=${mortal}`;
    const server = await startServer(await scene.launch());
    expect(readdirSync(scene.keysFolder).sort()).toEqual(["image.key", "model.key", "seal.key"]);
    process.kill(server.pid, "SIGWINCH");
    expect(await server.exited).toBe(70);
    expect(server.output()).toContain("confml: error: INTERNAL");
    expect(server.output()).toContain("the inference thread ended with code 1");
    expect(readdirSync(scene.keysFolder)).toEqual([]);
  } finally {
    await scene.close();
  }
});
