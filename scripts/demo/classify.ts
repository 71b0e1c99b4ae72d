import { z } from "zod";
import { UsageError } from "../exit.js";

export interface Picture {
  name: string;
  plain: Uint8Array;
  /** The picture as JWE, and how its answer is opened; absent if the data owner's key is not available. */
  jwe?: { token: string; keyFile: string; open: (answer: string) => Promise<string> };
  /** The picture as a `.encrypted` file. */
  encrypted: Uint8Array;
}

const jsonAnswer = z.object({
  predictions: z.array(z.object({ label: z.string(), probability: z.number() })),
});

/**
 * Uploads all pictures plain, as JWE and as `.encrypted` files, and prints the answers with the curl command for each.
 *
 * @returns the exit code: 1 if the answer to an encrypted picture differs from that to the plain one
 * @throws UsageError if the server takes no plain pictures; Error for an answer other than 200
 */
export async function classifyAll(url: string, pictures: readonly Picture[]): Promise<number> {
  const plainAnswers: string[] = [];
  console.log("\nPlain images\n");
  for (const { name, plain } of pictures) {
    plainAnswers.push(await classify(url, name, plain));
  }

  const sealed = pictures.filter(({ jwe }) => jwe !== undefined);
  let sameSealed = 0;
  if (sealed.length > 0)
    console.log("\nThe same images as JWE: encrypted and authenticated, and so are the answers\n");
  for (const [index, { name, jwe }] of pictures.entries()) {
    if (jwe === undefined) continue;
    const answer = await classifySealed(url, `${name}.jwe`, jwe);
    if (sameNumbers(answer, plainAnswers[index] ?? "")) sameSealed += 1;
  }

  console.log("\nThe same images as openssl encrypts them: nothing authenticates this format\n");
  let same = 0;
  for (const [index, { name, encrypted }] of pictures.entries()) {
    const answer = await classify(url, `${name}.encrypted`, encrypted);
    if (answer === plainAnswers[index]) same += 1;
  }
  if (sealed.length > 0) {
    console.log(
      `${sameSealed} of ${sealed.length} JWE images answered, under encryption, with the plain ones' numbers.`,
    );
  }
  console.log(
    `${same} of ${pictures.length} encrypted images answered exactly like the plain ones.`,
  );
  return same === pictures.length && sameSealed === sealed.length ? 0 : 1;
}

async function classify(url: string, name: string, bytes: Uint8Array): Promise<string> {
  const answer = await send(url, name, bytes);
  console.log(`$ curl -F image=@${name} ${url}/evaluate\n${answer}\n`);
  return answer;
}

async function classifySealed(
  url: string,
  name: string,
  { token, keyFile, open }: NonNullable<Picture["jwe"]>,
): Promise<string> {
  const answer = (await open(await send(url, name, Buffer.from(token)))).trimEnd();
  const command = `curl -sF image=@${name} ${url}/evaluate | npx --no-install confml decrypt --key ${keyFile}`;
  console.log(`$ ${command}\n${answer}\n`);
  return answer;
}

async function send(url: string, name: string, bytes: Uint8Array): Promise<string> {
  const form = new FormData();
  form.set("image", new Blob([new Uint8Array(bytes)]), name);
  const response = await fetch(`${url}/evaluate`, { method: "POST", body: form });
  const answer = await response.text();
  if (answer.startsWith("FORMAT_REFUSED")) {
    throw new UsageError(
      `${name}: HTTP ${response.status}: ${answer}\n  The demo needs a package whose Images.Formats ` +
        "has plain, encrypted and jwe: deploy/README.md says how to make it",
    );
  }
  if (!response.ok) throw new Error(`${name}: HTTP ${response.status}: ${answer}`);
  return answer;
}

/** Whether a JSON answer and a text answer have the same percentages in the same order. */
function sameNumbers(json: string, text: string): boolean {
  const { predictions } = jsonAnswer.parse(JSON.parse(json));
  const percentages = [...text.matchAll(/, (?<percentage>[\d.e+-]+)\)$/gmu)].map(({ groups }) =>
    Number(groups?.["percentage"]),
  );
  return (
    percentages.length > 0 &&
    percentages.length === predictions.length &&
    predictions.every(({ probability }, index) => probability * 100 === percentages[index])
  );
}
