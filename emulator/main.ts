import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startEmulator, type Emulator } from "./server.js";

const usage = `Usage: node main.js --state DIR --models DIR [--port N] [--log] [--exit-with-stdin]

Stand-ins of Azure AD, the attestation service and Managed HSM, and a host for models, on one port of
127.0.0.1. For demos and tests: nothing that it releases is secret.

  --state DIR        written: ca.pem, tenant.json, other-tenant.json, quoting-key.pem, sgx-root.pem, sgx-collateral.json
  --models DIR       the files that the model host serves
  --port N           default: one that is free
  --log              a JSON line for each request on standard output
  --exit-with-stdin  end when standard input does
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      state: { type: "string" },
      models: { type: "string" },
      port: { type: "string", default: "0" },
      log: { type: "boolean", default: false },
      "exit-with-stdin": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const { state, models, port, log } = values;
  if (values.help || state === undefined || models === undefined) {
    (values.help ? process.stdout : process.stderr).write(usage);
    process.exit(values.help ? 0 : 64);
  }
  const emulator = await startEmulator({
    modelsFolder: models,
    port: Number(port),
    onRequest: (request) => {
      if (log) printLine(request);
    },
  });
  await writeState(state, emulator);
  printLine({ listening: { port: emulator.port }, state });
  const stop = (): void => {
    void emulator.close().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  if (values["exit-with-stdin"]) process.stdin.once("close", stop).resume();
}

/** Writes the files by which owners, server and evidence provider find the emulator. */
async function writeState(
  folder: string,
  { caPem, tenant, otherTenant, sgxPlatform }: Emulator,
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const write = (name: string, text: string): Promise<void> =>
    writeFile(join(folder, name), text, { mode: 0o600 });
  await write("ca.pem", caPem);
  await write("tenant.json", `${JSON.stringify(tenant, null, 2)}\n`);
  await write("other-tenant.json", `${JSON.stringify(otherTenant, null, 2)}\n`);
  await write("quoting-key.pem", sgxPlatform.quotingKeyPem);
  await write("sgx-root.pem", sgxPlatform.rootPem);
  await write("sgx-collateral.json", `${JSON.stringify(sgxPlatform.collateral, null, 2)}\n`);
}

function printLine(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

await main();
