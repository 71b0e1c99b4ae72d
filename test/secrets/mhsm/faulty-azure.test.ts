import {
  constants,
  createCipheriv,
  createHash,
  createPublicKey,
  publicEncrypt,
  randomBytes,
  randomUUID,
} from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Request, RequestHandler, Response } from "express";
import { CompactSign, decodeJwt, decodeProtectedHeader } from "jose";
import { z } from "zod";
import { createCertificates, type CertifiedKey } from "../../../emulator/certificates.js";
import type { ServiceName } from "../../../emulator/hosts.js";
import { BootError, RefusedError, UnavailableError } from "../../../src/errors.js";
import { Deadline } from "../../../src/bounds/deadline.js";
import { KeyRegister } from "../../../src/keys/key-register.js";
import { releaseKey } from "../../../src/secrets/release-key.js";
import { key, secret, setReleaseScene, type ReleaseScene } from "../../helpers/release-client.js";

let scene: ReleaseScene | undefined;
let folder = "";
let keyFile = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-faulty-azure-"));
  keyFile = join(folder, "model.key");
});

afterEach(async () => {
  await scene?.close();
  scene = undefined;
  await rm(folder, { recursive: true });
});

/** A release succeeded: the vault's key is in its file. */
async function expectReleased(error: unknown): Promise<void> {
  expect(error).toBeUndefined();
  expect(await readFile(keyFile)).toEqual(key);
}

/** Each service's decisive request: token, attestation, release. */
const parties = ["azureAd", "attestation", "managedHsm"] as const;
type Party = (typeof parties)[number];
/** What the messages call each request. */
const steps: Record<Party, RegExp> = {
  azureAd: /Azure AD/u,
  attestation: /attesting/u,
  managedHsm: /releasing/u,
};

function isDecisive(request: Request): boolean {
  return (
    request.method === "POST" &&
    (request.headers.authorization !== undefined || !request.path.startsWith("/keys/"))
  );
}

/** Misbehaves on the first so many decisive requests, or on all. */
function faulty(fault: RequestHandler, times = Infinity): RequestHandler {
  let seen = 0;
  return (request, response, next) => {
    if (!isDecisive(request)) {
      next();
      return;
    }
    seen += 1;
    if (seen <= times) void fault(request, response, next);
    else next();
  };
}

/** What a service echoes is not to be seen in any message: here the request's own secrets. */
function echo(request: Request): string {
  const { authorization = "" } = request.headers;
  return `refused ${authorization} ${emulatorSecret()}`;
}

function emulatorSecret(): string {
  return scene?.emulator.tenant.server.clientSecret ?? "none-yet";
}

const statusWith =
  (status: number, headers: Record<string, string> = {}): RequestHandler =>
  (request, response) => {
    const message = echo(request);
    response
      .status(status)
      .set(headers)
      .json({ error: { code: "Fault", message }, error_description: message });
  };

const html: RequestHandler = (_request, response) => {
  response
    .status(200)
    .type("html")
    .send("<html><body>Sign in to the hotel's network</body></html>");
};

const empty: RequestHandler = (_request, response) => {
  response.status(200).end();
};

const emptyRefusal: RequestHandler = (_request, response) => {
  response.status(403).end();
};

const emptyOverload: RequestHandler = (_request, response) => {
  response.status(503).end();
};

const halfBody: RequestHandler = (_request, response) => {
  response.status(200).set({ "Content-Type": "application/json", "Content-Length": "400" });
  response.write('{"value":"eyJ', () => response.destroy());
};

const halfJson: RequestHandler = (_request, response) => {
  response.status(200).type("json").send('{"value":"eyJ');
};

const reset: RequestHandler = (request) => {
  request.socket.destroy();
};

const hang: RequestHandler = () => undefined;

async function release(
  interceptors: Partial<Record<ServiceName, RequestHandler>>,
  {
    deadlineMs = 20_000,
    attemptTimeoutMs = 5_000,
    endsAtRetryOf,
    ca,
  }: {
    deadlineMs?: number;
    attemptTimeoutMs?: number;
    /** The deadline passes when an attempt at this step has failed, however long that took. */
    endsAtRetryOf?: RegExp;
    ca?: string;
  } = {},
): Promise<{ error: unknown; tookMs: number }> {
  scene = await setReleaseScene(interceptors, {
    attemptTimeoutMs,
    ...(ca === undefined ? {} : { ca }),
  });
  const { client, context } = scene;
  const start = performance.now();
  const deadline = new Deadline(deadlineMs);
  const error = await releaseKey({ ...secret, LocalPath: keyFile }, deadline.signal, {
    clientFor: () => client,
    insideSgx: false,
    useOf: () => "none",
    register: new KeyRegister(),
    deadlineMs,
    onReleased: () => undefined,
    onRetry: (_secret, attempt) => {
      context.onRetry(attempt);
      if (endsAtRetryOf?.test(attempt.step) === true)
        deadline.abort(new DOMException("the deadline", "TimeoutError"));
    },
    onFailed: () => undefined,
  }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  const tookMs = performance.now() - start;
  deadline.end();
  return { error, tookMs };
}

/** The one line that a person gets, and whom it blames. */
function expectLine(
  error: unknown,
  code: string,
  kind: typeof BootError | typeof RefusedError,
): string {
  expect(error).toBeInstanceOf(kind);
  expect(error).toMatchObject({ code });
  const line = error instanceof Error ? error.message : "";
  expect(line).not.toMatch(/\n/u);
  expectNoSecrets(line);
  return line;
}

function expectNoSecrets(text: string): void {
  for (const form of ["hex", "base64", "base64url"] as const) {
    expect(text).not.toContain(key.toString(form));
  }
  expect(text).not.toContain(emulatorSecret());
  // Of a JWT's header, as Azure AD, the attestation service and the vault write it.
  expect(text).not.toContain("eyJ");
}

const refusedCodes: Record<Party, string> = {
  azureAd: "TOKEN_REFUSED",
  attestation: "ATTESTATION_REFUSED",
  managedHsm: "RELEASE_REFUSED",
};

describe.each(parties)("where %s", (party) => {
  test.each([401, 403, 404, 400])("answers %i, the release ends at once", async (status) => {
    const { error, tookMs } = await release({ [party]: faulty(statusWith(status)) });
    const code = party === "managedHsm" && status === 401 ? "TOKEN_REFUSED" : refusedCodes[party];
    expect(expectLine(error, code, RefusedError)).toContain(`HTTP ${status}`);
    expect(scene?.context.retries).toEqual([]);
    expect(tookMs).toBeLessThan(10_000);
  });

  test("answers 403 with an empty body, the release ends at once", async () => {
    const { error } = await release({ [party]: faulty(emptyRefusal) });
    expect(expectLine(error, refusedCodes[party], RefusedError)).toContain("HTTP 403");
    expect(scene?.context.retries).toEqual([]);
  });

  test.each<[string, RequestHandler, RegExp]>([
    ["answers 500", statusWith(500), /HTTP 500/u],
    ["answers 503 with nothing in it", emptyOverload, /HTTP 503/u],
    ["answers 408", statusWith(408), /HTTP 408/u],
    ["breaks the connection", reset, /ECONNRESET: the connection broke/u],
    ["sends half a body", halfBody, /ECONNRESET: the connection broke/u],
  ])(
    "%s twice, the third attempt succeeds, and each retry is reported",
    async (_what, fault, reason) => {
      const { error } = await release({ [party]: faulty(fault, 2) });
      await expectReleased(error);
      expect(scene?.context.retries).toEqual([
        expect.objectContaining({ number: 1, reason: expect.stringMatching(reason) }),
        expect.objectContaining({ number: 2, reason: expect.stringMatching(reason) }),
      ]);
      for (const retry of scene?.context.retries ?? []) expectNoSecrets(JSON.stringify(retry));
    },
  );

  test("answers 429, the next attempt waits for its Retry-After", async () => {
    const { error, tookMs } = await release({
      [party]: faulty(statusWith(429, { "Retry-After": "1" }), 1),
    });
    await expectReleased(error);
    expect(scene?.context.retries.map(({ delayMs }) => delayMs)).toEqual([1000]);
    expect(tookMs).toBeGreaterThan(1000);
  });

  test("answers 429 with a Retry-After beyond the deadline, the release ends at the deadline", async () => {
    const { error, tookMs } = await release(
      { [party]: faulty(statusWith(429, { "Retry-After": "3600" })) },
      { deadlineMs: 4000 },
    );
    expect(expectLine(error, "RELEASE_TIMEOUT", UnavailableError)).toContain("HTTP 429");
    expect(tookMs).toBeLessThan(8000);
  });

  test("answers 503 with a Retry-After of 3,000 years, the wait is what is left of the deadline", async () => {
    const header = { "Retry-After": "99999999999" };
    scene = await setReleaseScene({ [party]: faulty(statusWith(503, header)) });
    const deadline = new Deadline(60_000);
    const delays: number[] = [];
    const onRetry = ({ delayMs }: { delayMs: number }): void => {
      delays.push(delayMs);
      deadline.abort(new Error("enough"));
    };
    const attempt = scene.client.release(secret, { signal: deadline.signal, onRetry });
    await expect(attempt).rejects.toBeInstanceOf(UnavailableError);
    expect(delays).toEqual([expect.any(Number)]);
    expect(delays[0]).toBeGreaterThan(20_000);
    expect(delays[0]).toBeLessThanOrEqual(60_000);
  });

  test("does not answer once, the next attempt succeeds", async () => {
    const { error } = await release({ [party]: faulty(hang, 1) }, { attemptTimeoutMs: 800 });
    await expectReleased(error);
    // On a busy machine other requests may take as long.
    expect(scene?.context.retries).toContainEqual(
      expect.objectContaining({
        step: expect.stringMatching(steps[party]),
        reason: expect.stringContaining("no answer within 800 ms"),
      }),
    );
  });

  test("never answers, the release ends at the deadline and names the service", async () => {
    const { error } = await release(
      { [party]: faulty(hang) },
      { endsAtRetryOf: steps[party], attemptTimeoutMs: 800 },
    );
    const line = expectLine(error, "RELEASE_TIMEOUT", UnavailableError);
    expect(line).toContain("no answer within 800 ms");
    expect(line).toMatch(steps[party]);
  });

  test.each<[string, RequestHandler]>([
    ["a page of HTML", html],
    ["nothing", empty],
    ["half a JSON text", halfJson],
  ])("answers 200 with %s, the release ends at once", async (_what, fault) => {
    const { error } = await release({ [party]: faulty(fault) });
    const code = party === "managedHsm" ? "RELEASE_INVALID" : refusedCodes[party];
    expectLine(error, code, RefusedError);
    expect(scene?.context.retries).toEqual([]);
  });
});

describe("where TLS", () => {
  test("shows another CA's certificate, the release ends at once", async () => {
    const { caPem } = await createCertificates();
    const { error } = await release({}, { ca: caPem });
    expectLine(error, "CONNECTION_UNTRUSTED", RefusedError);
    expect(scene?.context.retries).toEqual([]);
  });
});

/** Lets the vault answer, then changes the value before it goes out. */
function altered(
  change: (jws: string, request: Request) => Promise<string> | string,
): RequestHandler {
  return faulty((request, response: Response, next) => {
    const send = response.json.bind(response);
    response.json = (body: { value?: string }) => {
      void Promise.resolve(change(body.value ?? "", request)).then((value) => send({ value }));
      return response;
    };
    next();
  });
}

const payloadSchema = z.object({
  request: z.record(z.string(), z.unknown()),
  response: z.record(z.string(), z.unknown()),
});
type Payload = z.infer<typeof payloadSchema>;

function payloadOf(jws: string): Payload {
  const json = Buffer.from(jws.split(".")[1] ?? "", "base64url").toString();
  return payloadSchema.parse(JSON.parse(json));
}

/** The vault's own answer, changed and signed again. */
async function resigned(
  jws: string,
  signer: CertifiedKey,
  change: (payload: Payload) => void = () => undefined,
): Promise<string> {
  const payload = payloadOf(jws);
  change(payload);
  const { alg } = decodeProtectedHeader(jws);
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({
      alg: String(alg),
      x5c: signer.chain.map((one) => one.toString("base64")),
    })
    .sign(signer.privateKey);
}

const targetSchema = z.object({ target: z.string() });
const runtimeSchema = z.object({
  "x-ms-runtime": z.object({ keys: z.array(z.object({ n: z.string(), e: z.string() })).min(1) }),
});
const wrappedSchema = z.looseObject({ ciphertext: z.string() });
const keySchema = z.object({ key: z.looseObject({ key: z.looseObject({ key_hsm: z.string() }) }) });

/** The vault's own answer, but with other bytes as the key, wrapped as it should be. */
function rewrapped(bytes: number): RequestHandler {
  return altered((jws, request) => {
    const { target } = targetSchema.parse(request.body);
    const [jwk] = runtimeSchema.parse(decodeJwt(target))["x-ms-runtime"].keys;
    const publicKey = createPublicKey({ key: { kty: "RSA", ...jwk }, format: "jwk" });
    const kek = randomBytes(32);
    const padding = constants.RSA_PKCS1_OAEP_PADDING;
    const cipher = createCipheriv("id-aes256-wrap-pad", kek, Buffer.from("a65959a6", "hex"));
    const ciphertext = Buffer.concat([
      publicEncrypt({ key: publicKey, padding, oaepHash: "sha256" }, kek),
      cipher.update(Buffer.alloc(bytes, 5)),
    ]).toString("base64url");
    return resigned(jws, certificates().release, ({ response }) => {
      const { key: outer } = keySchema.parse(response);
      const wrapped: unknown = JSON.parse(Buffer.from(outer.key.key_hsm, "base64url").toString());
      const changed = JSON.stringify({ ...wrappedSchema.parse(wrapped), ciphertext });
      const key_hsm = Buffer.from(changed).toString("base64url");
      Object.assign(response, { key: { ...outer, key: { ...outer.key, key_hsm } } });
    });
  });
}

function certificates(): ReleaseScene["emulator"]["certificates"] {
  if (scene === undefined) throw new Error("no scene");
  return scene.emulator.certificates;
}

describe("where the vault's answer", () => {
  test.each<[string, RequestHandler, RegExp]>([
    [
      "is signed by a key of another CA",
      altered(async (jws) => resigned(jws, (await createCertificates()).release)),
      /does not end in a trusted root/u,
    ],
    [
      "is signed by another key than its certificate's",
      altered((jws) =>
        resigned(jws, { ...certificates().release, privateKey: certificates().tokens.privateKey }),
      ),
      /signature verification failed/u,
    ],
    [
      "is signed by another host, of the same CA",
      altered((jws) => resigned(jws, certificates().otherRelease)),
      /not for accmhsm/u,
    ],
    [
      "carries an old nonce",
      altered((jws) =>
        resigned(jws, certificates().release, ({ request }) => {
          Object.assign(request, { nonce: createHash("sha256").digest("base64url") });
        }),
      ),
      /another nonce/u,
    ],
    [
      "is of another api-version",
      altered((jws) =>
        resigned(jws, certificates().release, ({ request }) => {
          Object.assign(request, { "api-version": "7.2" });
        }),
      ),
      /another api-version/u,
    ],
    [
      "is of a different key",
      altered((jws) =>
        resigned(jws, certificates().release, ({ response }) => {
          const inner: unknown = JSON.parse(
            JSON.stringify(response).replaceAll("/keys/ModelKey/", "/keys/ImageKey/"),
          );
          Object.assign(response, inner);
        }),
      ),
      /another name of the key/u,
    ],
    [
      "is of another vault's key",
      altered((jws) =>
        resigned(jws, certificates().release, ({ response }) => {
          const inner: unknown = JSON.parse(
            JSON.stringify(response).replaceAll("https://accmhsm.", "https://othermhsm."),
          );
          Object.assign(response, inner);
        }),
      ),
      /another vault of the key/u,
    ],
    ["holds a key of 31 bytes", rewrapped(31), /does not unwrap to a key of 32 bytes/u],
    ["holds a key of 33 bytes", rewrapped(33), /does not unwrap to a key of 32 bytes/u],
    ["is no JWS", altered(() => randomUUID()), /header that cannot be read/u],
  ])("%s, it is refused without a retry", async (_what, managedHsm, reason) => {
    const { error } = await release({ managedHsm });
    expect(expectLine(error, "RELEASE_INVALID", RefusedError)).toMatch(reason);
    expect(scene?.context.retries).toEqual([]);
  });

  test("holds other 32 bytes, correctly wrapped and signed, they are accepted as the key", async () => {
    scene = await setReleaseScene({ managedHsm: rewrapped(32) });
    const released = await scene.client.release(secret, scene.context);
    expect(released.key).toEqual(Buffer.alloc(32, 5));
  });

  test("to an earlier request is sent again, it is refused", async () => {
    let first: string | undefined;
    scene = await setReleaseScene({
      managedHsm: altered((jws) => {
        first ??= jws;
        return first;
      }),
    });
    const { client, context } = scene;
    await expect(client.release(secret, context)).resolves.toMatchObject({ key });
    await expect(client.release(secret, context)).rejects.toMatchObject({
      code: "RELEASE_INVALID",
      message: expect.stringContaining("another nonce"),
    });
  });
});
