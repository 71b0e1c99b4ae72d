export interface Picture {
  name: string;
  plain: Uint8Array;
  /** Under the data owner's key, as openssl writes it. */
  encrypted: Uint8Array;
}

/**
 * Sends all pictures plain, then encrypted, as curl would, and shows the answers.
 *
 * @returns the exit code: 1 where an encrypted picture is answered unlike the plain one
 */
export async function classifyAll(url: string, pictures: readonly Picture[]): Promise<number> {
  const plainAnswers: string[] = [];
  console.log("\nPlain images\n");
  for (const { name, plain } of pictures) {
    plainAnswers.push(await classify(url, name, plain));
  }
  console.log("\nThe same images, encrypted under the data owner's key\n");
  let same = 0;
  for (const [index, { name, encrypted }] of pictures.entries()) {
    const answer = await classify(url, `${name}.encrypted`, encrypted);
    if (answer === plainAnswers[index]) same += 1;
  }
  console.log(
    `${same} of ${pictures.length} encrypted images answered exactly like the plain ones.`,
  );
  return same === pictures.length ? 0 : 1;
}

async function classify(url: string, name: string, bytes: Uint8Array): Promise<string> {
  const form = new FormData();
  form.set("image", new Blob([new Uint8Array(bytes)]), name);
  const response = await fetch(`${url}/evaluate`, { method: "POST", body: form });
  const answer = await response.text();
  console.log(`$ curl -F image=@${name} ${url}/evaluate\n${answer}\n`);
  if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`);
  return answer;
}
