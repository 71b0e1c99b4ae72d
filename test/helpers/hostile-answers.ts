import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import type { RequestHandler, Response } from "express";

const zeros = Buffer.alloc(64 * 1024 * 1024);
/** Concatenated gzip members decompress to their concatenated contents (RFC 1952, section 2.2). */
const gzipBomb = Buffer.concat(Array<Buffer>(10).fill(gzipSync(zeros)));
const deflateBomb = deflateSync(zeros);
const brotliBomb = brotliCompressSync(zeros, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_LGWIN]: 24 },
});

const json = (body: unknown, status = 200): RequestHandler =>
  text(typeof body === "string" ? body : JSON.stringify(body), status);

/** Answers with a body, as JSON unless the headers say otherwise. */
const text =
  (body: string | Buffer, status = 200, headers: Record<string, string> = {}): RequestHandler =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
  };

/** Writes bytes to the socket in place of an HTTP answer. */
const raw =
  (bytes: string | Buffer, isEnd = true): RequestHandler =>
  ({ socket }) => {
    socket.on("error", () => undefined).write(bytes, () => isEnd && socket.end());
  };

const head = (status: string, ...headers: string[]): string =>
  [`HTTP/1.1 ${status}`, ...headers, "", ""].join("\r\n");

/** Writes a chunk repeatedly until the client closes the connection. */
function flood(response: Response, chunk: string | Buffer): void {
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more).on("error", () => undefined);
  more();
}

const endless =
  (status: number): RequestHandler =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" });
    flood(response, Buffer.alloc(65_536, '{"value":'));
  };

const drip: RequestHandler = (_request, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  const timer = setInterval(() => response.write(" "), 10);
  response.once("close", () => {
    clearInterval(timer);
  });
};

const interim: RequestHandler = ({ socket }) => {
  const storm = head("102 Processing").repeat(1000);
  const more = (): void => {
    while (!socket.destroyed && socket.write(storm));
  };
  socket.on("drain", more).on("error", () => undefined);
  more();
};

const retry = (status: number, headers: Record<string, string>): RequestHandler =>
  text("{}", status, headers);

const redirect =
  (status: number, location?: string): RequestHandler =>
  (request, response) => {
    response.writeHead(status, { location: location ?? request.url }).end();
  };

const nested = (depth: number, open: string, close: string): string =>
  open.repeat(depth) + close.repeat(depth);

const lists = nested(400_000, "[", "]");
const inner = `{"error":${nested(20_000, '{"code":"Forbidden","innererror":', "}").replace(":}", ":{}}")}}`;

/** Encodings of a secret that a filter for its plain form does not find. */
function encodings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const pieces = secret.match(/.{1,7}/gu) ?? [];
  return [
    secret,
    pieces.join(" "),
    pieces.map((piece) => `a.${piece}`).join(" "),
    Buffer.from(secret).reverse().toString(),
    ...(["base64", "base64url", "hex"] as const).map((form) => bytes.toString(form)),
    [...bytes].map((byte) => `%${byte.toString(16)}`).join(""),
    [...bytes].map(String).join(" "),
  ];
}

function echoes(secret: string): [string, RequestHandler][] {
  return encodings(secret).flatMap((encoded, index): [string, RequestHandler][] => {
    const digits = Number(BigInt(`0x${Buffer.from(secret.slice(0, 6)).toString("hex")}`));
    const error = {
      error: { code: encoded, message: encoded, innererror: { code: encoded, message: encoded } },
    };
    const oauth = {
      error: encoded,
      error_description: `AADSTS7000215: ${encoded}`,
      suberror: encoded,
    };
    return [
      [`a code that is its secret (${index})`, json(error, 403)],
      [
        `an OAuth error that is its secret (${index})`,
        json({ ...oauth, error_codes: [digits] }, 401),
      ],
      [
        `a reason phrase that is its secret (${index})`,
        raw(head(`403 ${encoded}`, "content-length: 0")),
      ],
      [
        `a challenge that is its secret (${index})`,
        text("", 401, {
          "www-authenticate": `Bearer authorization="https://login.microsoftonline.com/${encoded}", resource="https://${encoded}"`,
        }),
      ],
    ];
  });
}

/**
 * Answers that a hostile Azure AD, attestation service or vault could give.
 *
 * @param secret a secret that some answers contain, so that a careless client logs it
 * @returns pairs of a description and a request handler
 */
export function hostileAnswers(secret: string): readonly (readonly [string, RequestHandler])[] {
  const gzip = { "content-encoding": "gzip" };
  const token = { token_type: "Bearer", access_token: "a.b.c" };
  return [
    ["gzip of 640 MB", text(gzipBomb, 200, gzip)],
    ["gzip of 640 MB as a refusal", text(gzipBomb, 403, gzip)],
    ["deflate of 64 MB", text(deflateBomb, 200, { "content-encoding": "deflate" })],
    ["brotli of 64 MB", text(brotliBomb, 200, { "content-encoding": "br" })],
    ["gzip in gzip", text(gzipSync(gzipBomb), 200, { "content-encoding": "gzip, gzip" })],
    ["half of a gzip", text(gzipBomb.subarray(0, 500), 200, gzip)],
    ["no gzip at all", text("{}", 200, gzip)],
    ["what it calls zstd", text("{}", 200, { "content-encoding": "zstd" })],
    ["an endless body", endless(200)],
    ["an endless refusal", endless(403)],
    ["a body that drips", drip],
    ["2 MB of JSON", json({ value: "a".repeat(2_000_000), token: "a", access_token: "a" })],
    ["a length of 1 TB", raw(head("200 OK", "content-length: 1000000000000") + "{", false)],
    ["a length of which half comes", raw(head("200 OK", "content-length: 4") + "{}")],
    ["more than its length", raw(head("200 OK", "content-length: 2") + "{}{}{}{}")],
    ["two lengths", raw(head("200 OK", "content-length: 2", "content-length: 3") + "{}}")],
    ["two framings", raw(head("200 OK", "content-length: 2", "transfer-encoding: chunked") + "{}")],
    ["a negative length", raw(head("200 OK", "content-length: -1") + "{}")],
    [
      "20,000 chunks",
      raw(head("200 OK", "transfer-encoding: chunked") + "1\r\na\r\n".repeat(20_000)),
    ],
    [
      "a chunk extension of 1 MB",
      raw(
        head("200 OK", "transfer-encoding: chunked") +
          `1;${"a".repeat(1_000_000)}\r\na\r\n0\r\n\r\n`,
      ),
    ],
    [
      "trailers of 1 MB",
      raw(
        head("200 OK", "transfer-encoding: chunked") + `0\r\na: ${"b".repeat(1_000_000)}\r\n\r\n`,
      ),
    ],
    [
      "an impossible chunk",
      raw(head("200 OK", "transfer-encoding: chunked") + "ffffffffffffffffff\r\n"),
    ],
    ["headers of 1 MB", raw(head("200 OK", `a: ${"b".repeat(1_000_000)}`))],
    [
      "10,000 headers",
      raw(head("200 OK", ...Array.from({ length: 10_000 }, (_, n) => `a${n}: b`))),
    ],
    ["endless informational answers", interim],
    [
      "a change of protocol",
      raw(head("101 Switching Protocols", "connection: upgrade", "upgrade: h2c")),
    ],
    ["a status of 999", raw(head("999 ?", "content-length: 2") + "{}")],
    ["no HTTP", raw("+OK POP3 ready\r\n")],
    ["HTTP/0.9", raw("<html>hello</html>")],
    ["a body that only the connection's end ends", raw(head("200 OK") + '{"value":"')],
    ["a broken connection", ({ socket }) => socket.destroy()],
    ["lists in lists", json(lists)],
    ["lists in lists as a refusal", json(lists, 403)],
    ["20,000 inner errors", json(inner, 403)],
    ["an unfinished escape", json('{"value":"\\')],
    ["bytes that are no text", text(Buffer.from([0xff, 0xfe, 0x22, 0x00]))],
    ...["", " ", "null", "5", '"text"', "[]", "{}", "\u0000", "\ufeff{}"].map(
      (body): [string, RequestHandler] => [`the body ${JSON.stringify(body)}`, json(body)],
    ),
    ...[
      null,
      5,
      true,
      [],
      ["a"],
      {},
      { length: 1 },
      "",
      "a\r\nb: c",
      "\u0100",
      "a".repeat(900_000),
    ].map((value): [string, RequestHandler] => [
      `the value ${JSON.stringify(value).slice(0, 20)} for each field`,
      json({
        ...token,
        access_token: value,
        value,
        token: value,
        token_endpoint: value,
        issuer: value,
      }),
    ]),
    ...[-1, 0, 1e308, 1e15, "NaN", null, [], "9".repeat(400)].map(
      (seconds): [string, RequestHandler] => [
        `a token for ${JSON.stringify(seconds).slice(0, 20)} seconds`,
        json({
          ...token,
          expires_in: seconds,
          ext_expires_in: seconds,
          refresh_in: seconds,
          expires_on: seconds,
        }),
      ],
    ),
    ["XML", text("<a/>", 200, { "content-type": "application/xml" })],
    ["a redirect to itself", redirect(307)],
    ["a redirect that changes the method", redirect(303)],
    ["several choices", redirect(300)],
    ["a redirect away from https", redirect(302, "http://login.microsoftonline.com/")],
    ["a redirect to this machine", redirect(307, "https://127.0.0.1/")],
    ["nothing modified", text("", 304)],
    ["a long wait", retry(429, { "retry-after": "99999999999" })],
    ["a wait until the year 9999", retry(503, { "retry-after": "Fri, 31 Dec 9999 23:59:59 GMT" })],
    ["a wait of 400 digits", retry(503, { "retry-after": "9".repeat(400) })],
    ["a negative wait", retry(429, { "retry-after": "-5" })],
    [
      "a wait in milliseconds",
      retry(429, { "retry-after-ms": "1", "x-ms-retry-after-ms": "99999999999" }),
    ],
    ["a challenge that is none", text("", 401, { "www-authenticate": 'Bearer =,,="' })],
    ["a challenge without words", text("", 401)],
    [
      "a challenge for another vault's tokens",
      text("", 401, {
        "www-authenticate":
          'Bearer authorization="https://a.example/b", resource="https://vault.azure.net"',
      }),
    ],
    [
      "a challenge for claims",
      text("", 401, { "www-authenticate": 'Bearer error="insufficient_claims", claims="e30="' }),
    ],
    ...echoes(secret),
  ];
}
