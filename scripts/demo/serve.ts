import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { exitWith, UsageError } from "../exit.js";
import { plainHost } from "./host.js";
import { readOptions } from "./options.js";
import { otherKeyName, type OtherOwner } from "./other-owner.js";
import { demoFolder, keysFolder, withSession, type Session } from "./session.js";

const defaultPort = 8000;
const refreshMs = 5000;

/** `make serve`: runs emulator and server in the foreground until Ctrl-C, or until one of them ends. */
async function serve(): Promise<number> {
  const options = readOptions(defaultPort);
  const folder = join(demoFolder, "run");
  await claim(folder);
  return withSession(
    options,
    folder,
    plainHost(folder),
    async ({ url, server, emulator, owner, other, ending }) => {
      showCommands(url, options.images, owner.secret);
      if (other !== undefined) showOtherOwnersCommands(url, options.images, other);
      showOwnersCommands(owner);
      showMetrics(server.metricsPort);
      console.log("Ctrl-C stops it.\n");
      const ended = await Promise.race([
        server.exited.then(({ code }) => ({ who: "server", code })),
        emulator.exited.then(({ code }) => ({ who: "emulator", code })),
      ]);
      if (!ending.aborted) console.error(`error: the ${ended.who} ended by itself`);
      return ended.code ?? 1;
    },
    { showRequests: true, refreshMs },
  );
}

/** Allows one `make serve` at a time, because the paths in its folder are documented. */
async function claim(folder: string): Promise<void> {
  const pidFile = join(folder, "pid");
  const pid = Number(await readFile(pidFile, "utf8").catch(() => "0"));
  if (pid > 0 && isRunning(pid)) {
    throw new UsageError(`make serve is running already (process ${pid}); stop it first`);
  }
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(pidFile, String(process.pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function showCommands(url: string, images: string[], jweSecret: string): void {
  const image = relative(process.cwd(), images[0] ?? "");
  const keyFile = (name: string): string => relative(process.cwd(), join(keysFolder, name));
  console.log(`
Try, in another terminal:

  curl -F image=@${image} ${url}/evaluate
  curl -F image=@${image} -H 'Accept: application/json' '${url}/evaluate?top=3'

  npx --no-install confml encrypt --key ${keyFile("seal.key")} --kid ${jweSecret} -o picture.jpg.jwe ${image}
  curl -sF image=@picture.jpg.jwe ${url}/evaluate | npx --no-install confml decrypt --key ${keyFile("seal.key")}

As the original sample's clients do, with a format that authenticates nothing:

  KEY=$(od -An -v -tx1 ${keyFile("image.key")} | tr -d ' \\n')
  openssl enc -e -aes256 -K "$KEY" -iv 0 -in ${image} -out picture.jpg.encrypted
  curl -F image=@picture.jpg.encrypted ${url}/evaluate
`);
}

function showOtherOwnersCommands(url: string, images: string[], other: OtherOwner): void {
  const path = (file: string): string => relative(process.cwd(), file);
  const [image, key] = [path(images[0] ?? ""), path(join(keysFolder, otherKeyName))];
  const { ID: id, SrsAddress: vault } = other.secret;
  console.log(`As the second data owner, with a vault, a tenant and an attestation service of its own. The last line ends with
an error: the first owner's key does not open the second owner's answer.

  npx --no-install confml encrypt --key ${key} --kid ${id} -o other.jpg.jwe ${image}
  curl -sF image=@other.jpg.jwe -o other-answer.jwe ${url}/evaluate
  npx --no-install confml decrypt --key ${key} other-answer.jwe
  npx --no-install confml decrypt --key ${path(join(keysFolder, "seal.key"))} other-answer.jwe

  (set -a; . ${path(other.environmentFile)}; npx --no-install confml key show ${id} --vault ${vault} $STAND_IN)
`);
}

function showOwnersCommands({
  environmentFile,
  policyFile,
  secret,
  vault,
}: Session["owner"]): void {
  const path = (file: string): string => relative(process.cwd(), file);
  console.log(`As the data owner, look at the key, then replace it: the server fetches it every ${refreshMs / 1000} s.

  set -a; . ${path(environmentFile)}; set +a
  npx --no-install confml key show ${secret} --vault ${vault} $STAND_IN
  npx --no-install confml key create ${secret} --vault ${vault} $STAND_IN --key new.key --policy ${path(policyFile)} --allow-debug
`);
}

function showMetrics(port: number): void {
  console.log(`As the operator, read the metrics. deploy/monitoring has alert rules and a dashboard of them.

  curl http://127.0.0.1:${port}/metrics
`);
}

await exitWith(serve);
