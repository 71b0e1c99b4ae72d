import { readExposition, type Family } from "./exposition.js";
import { setScene, type Scene } from "./scene.js";
import { startServer, type ServerProcess } from "./server-process.js";

/** A running server, and what its port for metrics answers. */
export interface ScrapedServer {
  scene: Scene;
  server: ServerProcess;
  scrape: () => Promise<Family[]>;
  close: () => Promise<void>;
}

export async function startScrapedServer(): Promise<ScrapedServer> {
  const scene = await setScene();
  await scene.importKeys();
  scene.inference["Metrics"] = { Host: "127.0.0.1", Port: 0 };
  const server = await startServer(await scene.launch());
  const port = /"metricsPort":(\d+)/u.exec(server.output())?.[1] ?? "";
  return {
    scene,
    server,
    scrape: async () => {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`);
      return readExposition(await response.text());
    },
    close: async () => {
      await server.stop();
      await scene.close();
    },
  };
}
