import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { startService, type Service } from "../process/service.js";
import { projectFolder } from "../project.js";

const principal = z.object({ clientId: z.string(), clientSecret: z.string() });
const tenantSchema = z.object({ tenantId: z.string(), server: principal, owners: principal });
const readySchema = z.object({ listening: z.object({ port: z.number() }) });

/** The emulator in a process of its own, and what it has written into its state folder. */
export interface EmulatorProcess {
  service: Service;
  port: number;
  tenant: z.infer<typeof tenantSchema>;
  /** The second data owner's. */
  otherTenant: z.infer<typeof tenantSchema>;
  /** PEM: the CA of all its certificates. */
  ca: string;
  caFile: string;
  quotingKeyFile: string;
}

/** Starts the emulator on loopback. It ends when this process does. */
export async function runEmulator(
  stateFolder: string,
  modelsFolder: string,
  say: (who: string, line: string) => void,
): Promise<EmulatorProcess> {
  const service = await startService({
    command: [
      process.execPath,
      join(projectFolder, "build/emulator/main.js"),
      ...["--state", stateFolder, "--models", modelsFolder, "--exit-with-stdin"],
    ],
    onLine: (line) => line.includes('"listening"'),
    onErrorLine: (line) => {
      say("emulator", line);
    },
  });
  try {
    const { port } = readySchema.parse(service.ready).listening;
    say("emulator", `Azure AD, attestation and Managed HSM stand-ins on 127.0.0.1:${port}`);
    const caFile = join(stateFolder, "ca.pem");
    const readTenant = async (name: string): Promise<EmulatorProcess["tenant"]> =>
      tenantSchema.parse(JSON.parse(await readFile(join(stateFolder, name), "utf8")));
    return {
      service,
      port,
      tenant: await readTenant("tenant.json"),
      otherTenant: await readTenant("other-tenant.json"),
      ca: await readFile(caFile, "utf8"),
      caFile,
      quotingKeyFile: join(stateFolder, "quoting-key.pem"),
    };
  } catch (error) {
    await service.stop();
    throw error;
  }
}
