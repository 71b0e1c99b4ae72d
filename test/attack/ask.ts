import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { multipartBody } from "../../bench/multipart.js";

export interface Reply {
  status: number;
  text: string;
}

/** Uploads a file under a name and returns what the server answered. */
export type Ask = (name: string, bytes: Buffer) => Promise<Reply>;

/** Creates an `Ask` that uploads to `/evaluate` over loopback. @param accept the Accept header; default: none */
export function uploader(port: number, agent: Agent, accept?: string): Ask {
  return (name, bytes) => {
    const { headers, body } = multipartBody(name, bytes);
    const allHeaders = {
      ...headers,
      "content-length": body.length,
      ...(accept === undefined ? {} : { accept }),
    };
    const url = `http://127.0.0.1:${port}/evaluate`;
    return new Promise((resolve, reject) => {
      const sending = request(url, { method: "POST", headers: allHeaders, agent }, (response) => {
        const status = response.statusCode ?? 0;
        text(response).then((answer) => {
          resolve({ status, text: answer });
        }, reject);
      });
      sending.once("error", reject);
      sending.end(body);
    });
  };
}

/** The number of answers of each kind: `200`, or a status and code such as `403 FORMAT_REFUSED`. */
export type Tally = Record<string, number>;

/** @returns the same `ask`, and the counts of its answers */
export function tallied(ask: Ask): { ask: Ask; tally: Tally } {
  const tally: Tally = {};
  return {
    tally,
    ask: async (name, bytes) => {
      const reply = await ask(name, bytes);
      const code = /^([A-Z_]+): /u.exec(reply.text)?.[1] ?? "";
      const kind = `${reply.status} ${code}`.trim();
      tally[kind] = (tally[kind] ?? 0) + 1;
      return reply;
    },
  };
}
