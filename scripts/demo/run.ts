import { mkdir, mkdtemp, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { readOptions } from "./options.js";
import { encrypt } from "./owners.js";
import { demoFolder, exitWith, withSession, type Session } from "./session.js";

/** `make run`: one confidential classification from end to end, then everything stops. */
async function run(): Promise<number> {
  const options = readOptions(0);
  await mkdir(demoFolder, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(demoFolder, "run-"));
  return withSession(options, folder, (session) => classifyAll(session, options.images));
}

/** @returns the exit code: 1 where an encrypted picture is answered unlike the plain one */
async function classifyAll({ url, imageKey }: Session, images: string[]): Promise<number> {
  const plainAnswers = new Map<string, string>();
  console.log("\nPlain images\n");
  for (const image of images) {
    const answer = await classify(url, basename(image), await readFile(image));
    plainAnswers.set(image, answer);
  }
  console.log("\nThe same images, encrypted under the data owner's key\n");
  let same = 0;
  for (const image of images) {
    const bytes = encrypt(await readFile(image), imageKey);
    const answer = await classify(url, `${basename(image)}.encrypted`, bytes);
    if (answer === plainAnswers.get(image)) same += 1;
  }
  console.log(`${same} of ${images.length} encrypted images answered exactly like the plain ones.`);
  return same === images.length ? 0 : 1;
}

/** Sends one upload as curl would, and shows both. */
async function classify(url: string, name: string, bytes: Uint8Array): Promise<string> {
  const form = new FormData();
  form.set("image", new Blob([new Uint8Array(bytes)]), name);
  const response = await fetch(`${url}/evaluate`, { method: "POST", body: form });
  const answer = await response.text();
  console.log(`$ curl -F image=@${name} ${url}/evaluate\n${answer}\n`);
  if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`);
  return answer;
}

await exitWith(run);
