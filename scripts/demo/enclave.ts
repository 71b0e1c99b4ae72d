import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { interruption, UsageError } from "../exit.js";
import { packageLaunch } from "../tee/launch.js";
import { say } from "./banner.js";
import { classifyAll, type Picture } from "./classify.js";
import { startServer } from "./server.js";

/**
 * Runs the demo in an enclave with the real services: it starts the signed package and uploads pictures. The data owner's
 * key is not on this machine, so encrypted pictures are taken from the folder SAMPLES.
 *
 * @param images files of the plain pictures
 * @returns the exit code
 * @throws UsageError if an encrypted picture is missing
 */
export async function runInEnclave(images: readonly string[]): Promise<number> {
  const samples = process.env["SAMPLES"] || "samples";
  const pictures = await Promise.all(images.map((image) => readPicture(image, samples)));
  const { command, environment } = packageLaunch(process.env);
  console.log("\nconfml in an SGX enclave, with its keys from Azure Managed HSM.\n");
  const work = async (): Promise<number> => {
    const server = await startServer({ command, environment, say, showRequests: false });
    try {
      return await classifyAll(`http://127.0.0.1:${String(server.ready["port"])}`, pictures);
    } finally {
      await server.stop();
    }
  };
  return Promise.race([work(), interruption()]);
}

async function readPicture(image: string, samples: string): Promise<Picture> {
  const name = basename(image);
  const file = join(samples, `${name}.encrypted`);
  const encrypted = await readFile(file).catch(() => {
    throw new UsageError(
      `${file} is missing: the data owner's encrypted picture. Name its folder with SAMPLES, or run ` +
        "the demo with emulated services: make run TEE=none",
    );
  });
  return { name, plain: await readFile(image), encrypted };
}
