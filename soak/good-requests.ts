import { encrypt, open } from "../scripts/demo/owners.js";
import type { Percentages } from "../bench/answers.js";
import { compareAnswers, readAnswer } from "./answers.js";
import { exchange, type Answered, type Client } from "./exchange.js";
import type { GoodPicture } from "./good-pictures.js";
import { answered, describeAnswer, pick, type Kind } from "./mix.js";
import { sealFile, upload, type Keys } from "./uploads.js";

/** The number of the demo model's labels. */
const labelCount = 16;
const tops = [1, 3, labelCount];
/** Few distinct pictures, because Limits.MaxLegacyUploads limits them. */
const legacyNames = /-(?:original\.jpg|small\.png|small\.avif|lossy\.webp)$/u;
const json = "application/json";
const text = "text/plain";
const jose = "application/jose";

interface Known {
  picture: GoodPicture;
  right: Percentages;
}

/**
 * Uploads each picture while the server is otherwise idle, and takes the answer for the right one.
 *
 * @throws Error where the first label is not the picture's subject, or pictures of one group have different answers
 */
export async function learnAnswers(
  client: Client,
  pictures: readonly GoodPicture[],
): Promise<Known[]> {
  const known: Known[] = [];
  for (const picture of pictures) {
    const { name, file, label, group } = picture;
    const answer = await exchange(client, upload(name, file, json, labelCount));
    if (answer.status !== 200) throw new Error(`${name}: ${describeAnswer(answer)}`);
    const right = readAnswer(answer.text);
    const [first] = right.keys();
    if (label !== undefined && first !== label) {
      throw new Error(`${name}: ${String(first)} instead of ${label}`);
    }
    const twin = known.find((other) => group !== undefined && other.picture.group === group);
    const wrong = twin && compareAnswers(twin.right, right, labelCount);
    if (wrong !== undefined)
      throw new Error(`${name} is unlike ${twin?.picture.name ?? ""}: ${wrong}`);
    known.push({ picture, right });
  }
  return known;
}

/** Kinds of requests with a known answer: plain, as JWE, and as `.encrypted` files. */
export async function goodRequests(known: readonly Known[], keys: Keys): Promise<Kind[]> {
  const small = known.filter(({ picture }) => !picture.name.endsWith("large.jpg"));
  const large = known.filter(({ picture }) => picture.name.endsWith("large.jpg"));
  const checkAgainst =
    (right: Percentages, top: number) =>
    ({ text: answer }: Answered): Promise<string | undefined> =>
      Promise.resolve(compareAnswers(right, readAnswer(answer), top));
  const checkSealed =
    (right: Percentages, top: number) =>
    async (answer: Answered): Promise<string | undefined> =>
      compareAnswers(right, readAnswer(await open(answer.text, keys.sealKey)), top);
  const plain = (name: string, weight: number, from: readonly Known[], accept: string): Kind =>
    answered(name, weight, ["200"], (random) => {
      const { picture, right } = pick(from, random);
      const top = pick(tops, random);
      const asked = upload(picture.name, picture.file, accept, top);
      return { asked, check: checkAgainst(right, top) };
    });
  const jwe = async (weight: number, alg: "dir" | "A256KW"): Promise<Kind> => {
    const sealed = await Promise.all(
      small.map(async (one) => ({ ...one, token: await sealFile(one.picture.file, alg, keys) })),
    );
    return answered(`good, JWE (${alg})`, weight, ["200"], (random) => {
      const { picture, right, token } = pick(sealed, random);
      const top = pick(tops, random);
      const asked = upload(`${picture.name}.jwe`, token, jose, top);
      return { asked, check: checkSealed(right, top) };
    });
  };
  const encrypted = small
    .filter(({ picture }) => legacyNames.test(picture.name))
    .map((one) => ({ ...one, file: encrypt(one.picture.file, keys.imageKey) }));
  const legacy = (name: string, weight: number, accept: string): Kind =>
    answered(name, weight, ["200"], (random) => {
      const { picture, right, file } = pick(encrypted, random);
      const top = pick(tops, random);
      const asked = upload(`${picture.name}.encrypted`, file, accept, top);
      const check = accept === jose ? checkSealed(right, top) : checkAgainst(right, top);
      return { asked, check };
    });
  return [
    plain("good, plain, answered as text", 22, small, text),
    plain("good, plain, answered as JSON", 12, small, json),
    plain("good, plain, 3,000 pixels wide", 1, large, text),
    await jwe(9, "A256KW"),
    await jwe(9, "dir"),
    legacy("good, .encrypted", 8, text),
    legacy("good, .encrypted, sealed answer", 4, jose),
  ];
}
