import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { createPipelineRequest } from "@azure/core-rest-pipeline";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createTransport, type Transport } from "../../../src/net/transport.js";
import {
  AzureError,
  AzureSession,
  type AzureParty,
} from "../../../src/secrets/mhsm/azure-session.js";

let server: Server;
let connections: number;
let transport: Transport;
let session: AzureSession;

/** A server that resets every connection. */
beforeEach(async () => {
  connections = 0;
  server = createServer((socket) => {
    connections += 1;
    socket.resetAndDestroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  transport = createTransport({ connect: `127.0.0.1:${port}` });
  const { signal } = new AbortController();
  session = new AzureSession({ transport, signal, attemptTimeoutMs: 10_000 });
});

afterEach(async () => {
  transport.agent.destroy();
  server.close();
  await once(server, "close");
});

async function send(party: AzureParty): Promise<unknown> {
  const request = createPipelineRequest({ url: `https://${party}.example/` });
  return session.clientOptions(party).httpClient.sendRequest(request);
}

function caught(operation: Promise<unknown>): Promise<unknown> {
  return operation.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe("a session with Azure", () => {
  test("returns an operation's result", async () => {
    await expect(session.run(() => Promise.resolve(7))).resolves.toBe(7);
  });

  test("throws how the last request ended, and what the operation threw, even if it is another error", async () => {
    const thrown = new Error("the package's own");
    const error = await caught(
      session.run(async () => {
        await caught(send("azureAd"));
        await caught(send("vault"));
        throw thrown;
      }),
    );
    expect(error).toBeInstanceOf(AzureError);
    expect(error).toMatchObject({
      cause: thrown,
      last: { party: "vault", failure: { problem: "unavailable" } },
    });
  });

  test("reports no request for an operation that made none, whatever the one before it made", async () => {
    await caught(session.run(() => send("vault")));
    const error = await caught(session.run(() => Promise.reject(new Error("none"))));
    expect(error).toBeInstanceOf(AzureError);
    expect(error).toMatchObject({ last: undefined });
  });

  test("does not mix operations that run at the same time", async () => {
    let finish = (): void => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const first = session.run(async () => {
      await caught(send("azureAd"));
      await finished;
      throw new Error("first");
    });
    const second = await caught(session.run(() => send("vault")));
    finish();
    expect(await caught(first)).toMatchObject({ last: { party: "azureAd" } });
    expect(second).toMatchObject({ last: { party: "vault" } });
  });

  test("sends nothing outside of an operation", async () => {
    await expect(send("vault")).rejects.toThrow("outside of AzureSession.run");
    expect(connections).toBe(0);
  });
});
