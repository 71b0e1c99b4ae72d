import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { exitWith } from "../exit.js";
import { classifyAll, type Picture } from "./classify.js";
import { runInEnclave } from "./enclave.js";
import { mystikosHost, plainHost } from "./host.js";
import { readOptions } from "./options.js";
import { encrypt, open, seal } from "./owners.js";
import { demoFolder, keysFolder, withSession } from "./session.js";
import { chooseTarget } from "./target.js";
import { showVerifiedSession } from "./verified-session.js";

/** `make run`: classifies pictures with a server of its own, and stops it. @returns the exit code */
async function run(): Promise<number> {
  const options = readOptions(0);
  const target = chooseTarget(process.env);
  if (target.kind === "sgx") return runInEnclave(options.images);
  await mkdir(demoFolder, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(demoFolder, "run-"));
  const host = target.kind === "linux" ? mystikosHost(target.myst, folder) : plainHost(folder);
  return withSession(options, folder, host, async (session) => {
    const { url, tlsUrl, imageKey, sealKey, owner, measurement } = session;
    const pictures = options.images.map(async (image): Promise<Picture> => {
      const plain = await readFile(image);
      const jwe = {
        token: await seal(plain, sealKey, owner.secret),
        keyFile: relative(process.cwd(), join(keysFolder, "seal.key")),
        open: (answer: string) => open(answer, sealKey),
      };
      return { name: basename(image), plain, jwe, encrypted: encrypt(plain, imageKey) };
    });
    const code = await classifyAll(url, await Promise.all(pictures));
    const [image] = options.images;
    if (tlsUrl === undefined || image === undefined) return code;
    const isAsExpected = await showVerifiedSession({ folder, url: tlsUrl, measurement, image });
    return isAsExpected ? code : 1;
  });
}

await exitWith(run);
