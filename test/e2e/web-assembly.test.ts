import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { z } from "zod";
import { flat } from "../helpers/pictures.js";
import { setScene } from "../helpers/scene.js";
import { projectFolder, startServer } from "../helpers/server-process.js";

/**
 * V8 reserves 1 to 4 GiB of address space for a WebAssembly memory without a maximum, and an enclave's kernel counts
 * reserved memory. All other reservations of a Node process are smaller: the largest is 512 MiB for code.
 */
const leastReservedBytes = 2 ** 30;

interface Mapping {
  bytes: number;
  mode: string;
}

/** Reads the memory mappings of a process (proc_pid_maps(5)). */
async function mappings(pid: number): Promise<Mapping[]> {
  const text = await readFile(`/proc/${pid}/maps`, "utf8");
  return [...text.matchAll(/^([\da-f]+)-([\da-f]+) (\S+)/gmu)].map(([, start, end, mode]) => ({
    bytes: parseInt(end ?? "", 16) - parseInt(start ?? "", 16),
    mode: mode ?? "",
  }));
}

test("all WebAssembly memories of a server with config.json's options have a maximum", async () => {
  const text = await readFile(join(projectFolder, "config.json"), "utf8");
  const { ApplicationParameters: parameters } = z
    .looseObject({ ApplicationParameters: z.array(z.string()) })
    .parse(JSON.parse(text));
  const main = parameters.findIndex((parameter) => !parameter.startsWith("--"));
  const options = parameters.slice(0, main);
  const scene = await setScene();
  try {
    await scene.importKeys();
    const launch = await scene.launch();
    const withOptions = 'node=$1; shift; exec "$node" $OPTIONS "$@"';
    const server = await startServer({
      ...launch,
      environment: { ...launch.environment, OPTIONS: options.join(" ") },
      wrapper: ["/bin/sh", "-c", withOptions, "sh"],
    });
    try {
      // resize.wasm has its memory after a picture was resized, Node's HTTP parser after the keys were fetched.
      const form = new FormData();
      form.append("image", new Blob([await flat("red").png().toBuffer()]), "red.png");
      const url = `http://127.0.0.1:${server.port}/evaluate`;
      const response = await fetch(url, { method: "POST", body: form });
      expect(response.status).toBe(200);
      const reserved = (await mappings(server.pid)).filter(
        ({ bytes, mode }) => mode.startsWith("---") && bytes >= leastReservedBytes,
      );
      expect(reserved).toEqual([]);
    } finally {
      await server.stop();
    }
  } finally {
    await scene.close();
  }
});

test("resize.wasm declares a maximum of 16 MiB of memory", async () => {
  const file = await readFile(join(projectFolder, "dist/image/resize.wasm"));
  // WebAssembly core specification, 5.5.8 and 5.3.9: section 5 of 5 bytes, one memory, limits with a maximum (1): the
  // minimum, and the maximum of 256 pages in LEB128.
  const at = file.indexOf(Buffer.from("05050101", "hex"));
  expect(at).toBeGreaterThan(0);
  expect(file.subarray(at + 5, at + 7).toString("hex")).toBe("8002");
});
