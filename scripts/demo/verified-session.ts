import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { pinTls } from "../../client/node/pinned-tls.js";
import { createCertificates } from "../../emulator/certificates.js";
import { launch } from "../process/launch.js";
import { projectFolder } from "../project.js";

export interface VerifiedSessionOptions {
  /** The folder of the deployment, for the files of the session. */
  folder: string;
  /** The server's HTTPS address. */
  url: string;
  /** MRENCLAVE, hexadecimal. */
  measurement: string;
  image: string;
}

const commands = join(projectFolder, "build/owners/main.js");

/**
 * Shows how a data owner without any vault verifies the server, has a picture classified under the attested key, and checks
 * the receipt; then what is refused: other code, a replayed attestation, a man in the middle. The evidence is emulated.
 *
 * @returns whether each command ended as it had to
 */
export async function showVerifiedSession(options: VerifiedSessionOptions): Promise<boolean> {
  const { folder, url, measurement, image } = options;
  const state = join(folder, "emulator");
  const [policy, other] = [join(folder, "client-policy.json"), join(folder, "other-code.json")];
  const trust = [
    ...["--allow-emulated", join(state, "sgx-root.pem")],
    ...["--collateral", join(state, "sgx-collateral.json")],
  ];
  const policyFor = (mrenclave: string, file: string): Promise<boolean> =>
    confml(0, "policy", "client", "--mrenclave", mrenclave, "--allow-debug", "-o", file);
  const outcomes: boolean[] = [];
  console.log(
    "\nA data owner without a vault: the server proves itself first (emulated evidence)\n",
  );
  outcomes.push(await policyFor(measurement, policy));
  outcomes.push(await confml(0, "verify", url, "--policy", policy, ...trust));
  outcomes.push(
    await confml(0, "classify", url, "--policy", policy, ...trust, "--receipts", image),
  );
  console.log("\nRefused: other code, yesterday's proof, a man in the middle\n");
  outcomes.push(await policyFor("00".repeat(32), other));
  outcomes.push(await confml(1, "verify", url, "--policy", other, ...trust));
  for (const attack of ["replay", "relay"] as const) {
    const impostor = await startImpostor(url, attack);
    outcomes.push(await confml(1, "verify", impostor.url, "--policy", policy, ...trust));
    await impostor.close();
  }
  return outcomes.every(Boolean);
}

/** Runs a command of the owners and shows it. @returns whether its exit code is the expected one */
async function confml(expected: number, ...args: string[]): Promise<boolean> {
  const shown = args.map((word) => (word.startsWith("/") ? relative(process.cwd(), word) : word));
  console.log(`$ npx --no-install confml ${shown.join(" ")}`);
  const print = (line: string): void => {
    console.log(line);
  };
  const { exited } = launch({
    command: [process.execPath, commands, ...args],
    onLine: print,
    onErrorLine: print,
  });
  const { code } = await exited;
  console.log("");
  return code === expected;
}

/**
 * Starts a server with a key of its own in front of the real one. `relay` passes the real server's attestation on; `replay`
 * answers every nonce with one attestation.
 */
async function startImpostor(
  url: string,
  attack: "relay" | "replay",
): Promise<{ url: string; close: () => Promise<void> }> {
  const { tls } = await createCertificates();
  const real = await pinTls(url);
  const ask = async (path: string): Promise<string> => (await real.fetch(url + path)).text();
  const recorded = await ask(`/attestation?nonce=${Buffer.alloc(32).toString("base64url")}`);
  const server = createServer(
    {
      key: tls.privateKey.export({ type: "pkcs8", format: "pem" }),
      cert: tls.certificatePem,
      minVersion: "TLSv1.3",
    },
    (request, response) => {
      const answer = attack === "replay" ? Promise.resolve(recorded) : ask(request.url ?? "");
      void answer.then((body) => response.end(body));
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      real.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
