import { execFile } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { flat } from "../helpers/pictures.js";
import { authority, setScene } from "../helpers/scene.js";
import { projectFolder, startServer } from "../helpers/server-process.js";
import { upload } from "../helpers/upload.js";

const page = readFileSync(join(projectFolder, "docs/model-owner.md"), "utf8");
const [, section = ""] = page.split("## From ONNX to a served model\n");
const commands = [...section.matchAll(/^\$ (.+)$/gmu)].map(([, command = ""]) => command);

/** Runs the built command in place of npx, with what the stand-ins need: their options, and a debuggable enclave. */
const npx = `npx() {
  shift 2
  case $1 in
    policy) set -- "$@" --allow-debug ;;
    key) set -- "$@" --allow-debug --connect "127.0.0.1:$PORT" --ca-file "$CA" ;;
  esac
  "$NODE" "$CONFML" "$@"
}`;

test("the commands of docs/model-owner.md lead from an ONNX file to an answer", async () => {
  const scene = await setScene();
  try {
    await scene.importKeys();
    // The model host has a file of that name already.
    await scene.publishModel(Buffer.from("another model"), "colours.onnx.jwe");
    const launch = await scene.launch();
    const { folder, emulator, vault, measurement } = scene;
    copyFileSync(
      join(projectFolder, "test/fixtures/models/colours.onnx"),
      join(folder, "colours.onnx"),
    );
    const config = readFileSync(launch.configFile, "utf8");
    const before = String(scene.inference.Model["Sha256"]);
    writeFileSync(launch.configFile, config.replace(before, "0".repeat(64)));
    const { tenantId, owners } = emulator.tenant;
    await promisify(execFile)("bash", ["-euc", [npx, ...commands].join("\n")], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"],
        NODE: process.execPath,
        CONFML: join(projectFolder, "build/owners/main.js"),
        PORT: String(emulator.port),
        CA: join(folder, "ca.pem"),
        AUTHORITY: authority,
        MRENCLAVE: measurement,
        VAULT: vault.url,
        HOST_FOLDER: join(folder, "models"),
        AZURE_TENANT_ID: tenantId,
        AZURE_CLIENT_ID: owners.clientId,
        AZURE_CLIENT_SECRET: owners.clientSecret,
      },
    });
    expect(commands).toHaveLength(7);
    expect(readFileSync(launch.configFile, "utf8")).not.toContain("0".repeat(64));
    const server = await startServer(launch);
    try {
      const picture = await flat("red").png().toBuffer();
      expect((await upload(server.port, "red.png", picture)).text).toContain("('red'");
    } finally {
      await server.stop();
    }
  } finally {
    await scene.close();
  }
});
