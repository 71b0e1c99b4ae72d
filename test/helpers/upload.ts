export interface TextAnswer {
  status: number;
  text: string;
}

/** `curl -F image=@NAME http://127.0.0.1:PORT/evaluate` */
export async function upload(
  port: number,
  name: string,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
): Promise<TextAnswer> {
  const form = new FormData();
  form.set("image", new Blob([new Uint8Array(bytes)]), name);
  const url = `http://127.0.0.1:${port}/evaluate?top=1`;
  const response = await fetch(url, { method: "POST", body: form, headers });
  return { status: response.status, text: await response.text() };
}

/** A pattern for the text answer with one label at about 100 %. */
export function answerNaming(label: string): RegExp {
  return new RegExp(
    `^file inferenced successfully\\.\nReturn top 1 inference results:\n\t\\('${label}', 99\\.\\d+\\)$`,
    "u",
  );
}
