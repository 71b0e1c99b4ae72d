import { ConfmlClient, type ConfmlClientOptions } from "../confml-client.js";
import type { TrustedRoot } from "../quote/certificate-chain.js";
import { readPemChain } from "../quote/pem.js";
import { byId } from "./dom.js";
import type { Mode } from "./protection.js";
import { InputError, UnreachableError } from "./wording.js";

const keyBytes = 32;
const maxPolicyBytes = 1_048_576;

/** A client of the server that the form names, and whether it verifies the server. */
export interface Session {
  client: ConfmlClient;
  mode: Mode;
  verifies: boolean;
}

/** @returns undefined while the field has no complete address */
export function serverAddress(): URL | undefined {
  const text = byId("server", HTMLInputElement).value.trim();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === "https:" || url?.protocol === "http:" ? url : undefined;
}

export function chosenMode(): Mode {
  if (byId("mode-key", HTMLInputElement).checked) return "key";
  return byId("mode-plain", HTMLInputElement).checked ? "plain" : "attested";
}

/**
 * Reads the form and the files that it names.
 *
 * @throws InputError, VerificationError POLICY_INVALID
 */
export async function openSession(): Promise<Session> {
  const server = serverAddress();
  if (server === undefined) {
    throw new InputError("Give the server's address, such as https://confml.example:8443.");
  }
  const mode = chosenMode();
  if (mode === "plain") {
    return { client: connect(server, { plain: true }), mode, verifies: false };
  }
  if (!isSecureContext) {
    throw new InputError(
      "This browser encrypts only in pages that came over https, from localhost or from the disk, and this page did not. " +
        "Open it from your disk.",
    );
  }
  const options: ConfmlClientOptions = {
    ...(await readPolicy(mode)),
    ...(mode === "key" ? await readKey() : {}),
  };
  return { client: connect(server, options), mode, verifies: options.policy !== undefined };
}

function connect(server: URL, options: ConfmlClientOptions): ConfmlClient {
  return new ConfmlClient(server, {
    ...options,
    fetch: async (url, init) => {
      try {
        return await fetch(url, init);
      } catch (cause) {
        if (!(cause instanceof TypeError)) throw cause;
        throw new UnreachableError(unreachable(server), { cause });
      }
    },
  });
}

function unreachable(server: URL): string {
  const foreign =
    server.origin === location.origin
      ? ""
      : ", it does not allow requests from this page's origin (Inference.Listen.Cors), or this copy of the page came from " +
        "another server and may speak with that one alone";
  return (
    `The server at ${server.origin} cannot be reached: it is not running, the address is wrong, the network is down, ` +
    `the browser does not accept its certificate${foreign}.`
  );
}

async function readPolicy(mode: Mode): Promise<ConfmlClientOptions> {
  const file = chosenFile("policy");
  if (file === undefined) {
    if (mode === "key") return {};
    throw new InputError(
      "Choose a policy file: it says what the server has to prove before anything is sent to it.",
    );
  }
  if (file.size > maxPolicyBytes) throw new InputError(`${file.name} is too large for a policy.`);
  const policy = await file.text();
  const root = await readEmulatedRoot();
  return { policy, ...(root === undefined ? {} : { roots: [root] }) };
}

/** A root that is named here is trusted in place of Intel's, and everything that it certifies is shown as emulated. */
async function readEmulatedRoot(): Promise<TrustedRoot | undefined> {
  const file = chosenFile("root");
  if (file === undefined) return undefined;
  const chain = file.size > 32_768 ? undefined : readPemChain((await file.text()).trim());
  const [certificate] = chain ?? [];
  if (certificate === undefined || chain?.length !== 1) {
    throw new InputError(`${file.name}: expected one certificate in PEM.`);
  }
  return { certificate, emulated: true };
}

async function readKey(): Promise<ConfmlClientOptions> {
  const file = chosenFile("key");
  const kid = byId("kid", HTMLInputElement).value.trim();
  if (file === undefined) throw new InputError("Choose a key file: 32 raw bytes.");
  if (file.size !== keyBytes) {
    throw new InputError(
      `${file.name}: expected a key file of exactly 32 raw bytes, got ${file.size} bytes. A key as hexadecimal or base64 text has to be ` +
        "decoded first.",
    );
  }
  if (kid === "") {
    throw new InputError(
      "Give the key's name (kid): the secret's ID in the server's configuration.",
    );
  }
  return { key: new Uint8Array(await file.arrayBuffer()), kid };
}

function chosenFile(id: string): File | undefined {
  return byId(id, HTMLInputElement).files?.[0];
}
