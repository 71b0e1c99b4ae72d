import { multipartBody } from "../bench/multipart.js";
import type { BadFile } from "./bad-files.js";
import type { Asked } from "./exchange.js";
import type { GoodPicture } from "./good-pictures.js";
import { abandoned, answered, pick, type Kind } from "./mix.js";
import { sealFile, upload, type Keys } from "./uploads.js";

const text = "text/plain";
const maxUploadBytes = 20 * 1024 * 1024;
/** Pipelined requests whose answers a client does not read; the server allows 16 on one connection (connections.ts). */
const unread = 12;

/** Kinds of requests that the server refuses or their clients abandon. */
export async function badRequests(
  good: readonly GoodPicture[],
  files: readonly BadFile[],
  keys: Keys,
  metricsPort: number,
): Promise<Kind[]> {
  const [picture] = good;
  if (picture === undefined) throw new Error("no picture");
  return [
    ...hostileFiles(files),
    ...(await badTokens(picture, keys)),
    ...malformedUploads(picture),
    ...wrongRequests(picture),
    ...leavingClients(picture),
    ...lookingRequests(metricsPort),
  ];
}

function hostileFiles(files: readonly BadFile[]): Kind[] {
  const statusOf = (code: string): string =>
    code === "IMAGE_TOO_LARGE" ? `413 ${code}` : `415 ${code}`;
  return ["IMAGE_UNSUPPORTED", "IMAGE_TOO_LARGE"].map((code) => {
    const those = files.filter(({ codes }) => codes.includes(code));
    return answered(`hostile picture (${code})`, 5, [statusOf(code)], (random) => {
      const { name, file } = pick(those, random);
      return { asked: upload(name, file, pick([text, "application/json"], random)) };
    });
  });
}

async function badTokens({ file }: GoodPicture, keys: Keys): Promise<Kind[]> {
  const token = (await sealFile(file, "dir", keys)).toString();
  const [head = "", ...rest] = token.split(".");
  const header = (value: object): string => {
    return [Buffer.from(JSON.stringify(value)).toString("base64url"), ...rest].join(".");
  };
  const alg = { alg: "dir", enc: "A256GCM" };
  const stranger = { ...keys, sealKey: Buffer.alloc(32, 7) };
  const tokens = [
    `${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`,
    token.slice(0, token.length / 2),
    [head, ...rest.slice(0, 2)].join("."),
    header({ ...alg, kid: "Nobody" }),
    header({ ...alg, kid: keys.kid, zip: "DEF" }),
    header({ ...alg, kid: keys.kid, padding: "x".repeat(100_000) }),
    (await sealFile(file, "A256KW", stranger)).toString(),
    (await sealFile(Buffer.from("not a picture"), "A256KW", keys)).toString(),
    "",
    ".".repeat(50_000),
  ];
  return [
    answered("bad JWE", 6, ["422 ENCRYPTED_IMAGE_REJECTED"], (random) => ({
      asked: upload("picture.jwe", Buffer.from(pick(tokens, random)), "application/json"),
    })),
    answered("bad .encrypted", 2, ["422 ENCRYPTED_IMAGE_REJECTED"], (random) => ({
      asked: upload("a.encrypted", Buffer.alloc(pick([0, 16, 1000], random), 1), text),
    })),
  ];
}

function malformedUploads({ file }: GoodPicture): Kind[] {
  const { headers, body } = multipartBody("a.jpg", file);
  const post = (change: Partial<Asked>): Asked => {
    return { method: "POST", path: "/evaluate", headers, body, ...change };
  };
  const plain = { "content-type": "application/octet-stream" };
  const twice = Buffer.concat([body.subarray(0, body.lastIndexOf("--confml")), body]);
  const missing = [
    post({ headers: plain }),
    post({ headers: {} }),
    post({ body: Buffer.from(body.toString("latin1").replace('"image"', '"picture"'), "latin1") }),
  ];
  const malformed = [
    post({ body: body.subarray(0, body.length / 2) }),
    post({ headers: { "content-type": "multipart/form-data" } }),
    post({ body: twice }),
  ];
  return [
    answered("no field image", 2, ["400 IMAGE_MISSING"], (random) => ({
      asked: pick(missing, random),
    })),
    answered("malformed multipart", 3, ["400 UPLOAD_MALFORMED"], (random) => ({
      asked: pick(malformed, random),
    })),
    answered("too long", 0.05, ["413 UPLOAD_TOO_LARGE"], () => ({
      asked: upload("a.jpg", Buffer.alloc(maxUploadBytes + 1), text),
    })),
  ];
}

function wrongRequests({ name, file }: GoodPicture): Kind[] {
  const paths = ["/nothing", "/v2/models/other", "/%ff", `/${"a".repeat(5000)}`];
  const methods = ["DELETE", "PUT", "PATCH", "GET"];
  return [
    answered("wrong path", 2, ["404 NOT_FOUND"], (random) => ({
      asked: { path: pick(paths, random) },
    })),
    answered("wrong method", 2, ["405 METHOD_NOT_ALLOWED"], (random) => ({
      asked: { method: pick(methods, random), path: "/evaluate" },
    })),
    answered("wrong Accept", 1.5, ["406 NOT_ACCEPTABLE"], () => ({
      asked: upload(name, file, "image/png"),
    })),
    answered("wrong top", 1.5, ["400 PARAMETER_INVALID"], (random) => {
      const asked = upload(name, file, text);
      const top = pick(["0", "-1", "17", "x", "1&top=2", "1e9"], random);
      return { asked: { ...asked, path: `/evaluate?top=${top}` } };
    }),
  ];
}

function leavingClients({ name, file }: GoodPicture): Kind[] {
  const { headers, body } = multipartBody(name, file);
  const head = (length: number): string =>
    `POST /evaluate HTTP/1.1\r\nHost: soak\r\nContent-Type: ${headers["content-type"]}\r\n` +
    `Content-Length: ${length}\r\n\r\n`;
  const whole = Buffer.concat([Buffer.from(head(body.length)), body]);
  const soon = (random: { next(): number }): number => Math.ceil(random.next() * 60);
  const asks = "GET /v2 HTTP/1.1\r\nHost: soak\r\n\r\n";
  return [
    abandoned("disconnects in the upload", 2, (random) => ({
      bytes: whole.subarray(0, Math.ceil(random.next() * whole.length * 0.95)),
      afterMs: soon(random),
      isReading: true,
    })),
    abandoned("disconnects after the upload", 2, (random) => ({
      bytes: whole,
      afterMs: soon(random),
      isReading: true,
    })),
    abandoned("does not read its answers", 1, (random) => ({
      bytes: Buffer.from(asks.repeat(unread)),
      afterMs: 100 + soon(random),
      isReading: false,
    })),
    abandoned("no HTTP", 1, (random) => ({
      bytes: Buffer.from(pick(["\x16\x03\x01\x02\x00", "nonsense\r\n\r\n", "GET / HT"], random)),
      afterMs: 100,
      isReading: true,
    })),
  ];
}

function lookingRequests(metricsPort: number): Kind[] {
  const paths = ["/", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/alexnet-demo"];
  const metrics = answered("metrics", 1, ["200"], () => ({ asked: { path: "/metrics" } }));
  return [
    answered("health and metadata", 6, ["200"], (random) => ({
      asked: { path: pick(paths, random) },
    })),
    {
      ...metrics,
      // The metrics have a port of their own.
      run: (client, random) => metrics.run({ ...client, port: metricsPort }, random),
    },
  ];
}
