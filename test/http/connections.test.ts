import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { Connections, type ConnectionLimits } from "../../src/http/connections.js";
import { eventually } from "../helpers/eventually.js";
import { listenOnLoopback, rawClient, type RawClient } from "../helpers/raw-client.js";

const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
const halfHead = "GET / HTTP/1.1\r\nHost: x\r\nX-Rest: ";
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

interface Served {
  connections: Connections;
  connect: (text?: string, localAddress?: string) => Promise<RawClient>;
  /** Answers that `onRequest` has left open. */
  open: ServerResponse[];
  /** Answers that were told of their end. */
  closed: ServerResponse[];
}

/** Answers at once, but under /wait. */
async function serve(
  limits: Partial<ConnectionLimits> = {},
  onRequest?: RequestListener,
): Promise<Served> {
  // Far from every test's end, where no test says otherwise: what ends is ended by the limit under test.
  const never = 600_000;
  const server = createServer({ keepAliveTimeout: never });
  const open: ServerResponse[] = [];
  const closed: ServerResponse[] = [];
  const answer: RequestListener = (request, response) => {
    response.once("close", () => closed.push(response));
    if (request.url === "/wait") open.push(response);
    else response.end("ok");
  };
  const connections = new Connections({
    server,
    onRequest: onRequest ?? answer,
    limits: {
      maxConnections: 100,
      maxConnectionsPerAddress: 100,
      requestTimeoutMs: never,
      lingerMs: never,
      ...limits,
    },
  });
  const port = await listenOnLoopback(server);
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const connect = async (text?: string, localAddress?: string): Promise<RawClient> => {
    const client = await rawClient(port, text, localAddress);
    cleanups.push(() => client.socket.destroy());
    return client;
  };
  return { connections, connect, open, closed };
}

const wait = get.replace("/", "/wait");

describe("at the limit", () => {
  test("a new connection takes the place of the one without a request that has waited longest", async () => {
    const { connections, connect } = await serve({ maxConnections: 4 });
    const silent = await connect();
    const half = await connect(halfHead);
    const asked = await connect(get);
    const busy = await connect(wait);
    // It has been without a request for a shorter time than the others.
    await asked.until(/ok$/u);
    const first = await connect(get);
    await expect(silent.closed).resolves.toBe("");
    await first.until(/ok$/u);
    await (await connect(get)).until(/ok$/u);
    await expect(half.closed).resolves.toBe("");
    expect([asked, busy, first].map(({ socket }) => socket.closed)).toEqual([false, false, false]);
    expect(connections.length).toBe(4);
  });

  test("hundreds of silent connections keep nobody out", async () => {
    const { connections, connect } = await serve({ maxConnections: 50 });
    for (let count = 0; count < 300; count += 1) await connect(count % 2 === 0 ? "" : halfHead);
    await (await connect(get)).until(/ok$/u);
    expect(connections.length).toBeLessThanOrEqual(50);
  });

  test("nobody who waits for an answer is closed: the new connection is", async () => {
    const { connect, open } = await serve({ maxConnections: 3 });
    const busy = [await connect(wait), await connect(wait), await connect(wait)];
    // Whose request is not read yet when the new one comes, is not waiting for an answer.
    await eventually(() => open.length === busy.length);
    const late = await connect(get);
    await expect(late.closed).resolves.toBe("");
    for (const response of open) response.end("late");
    for (const client of busy) await client.until(/late$/u);
  });

  test("a new connection takes the place of the upload that has been arriving longest, where all have a request", async () => {
    const { connections, connect, open } = await serve({ maxConnections: 3 });
    const upload = "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n";
    const waiting = await connect(wait);
    const whole = await connect(`${upload}body`);
    const slow = await connect(`${upload}b`);
    await eventually(() => open.length === 3);
    const next = await connect(get);
    await next.until(/ok$/u);
    await expect(slow.closed).resolves.toBe("");
    expect([waiting, whole].map(({ socket }) => socket.closed)).toEqual([false, false]);
    next.socket.destroy();
    await eventually(() => connections.length === 2);
    for (const response of open.slice(0, 2)) response.end("late");
    for (const client of [waiting, whole]) await client.until(/late$/u);
  });

  test("the address that has the most of them gives one", async () => {
    const { connect } = await serve({ maxConnections: 4 });
    const lone = await connect("", "127.0.0.2");
    const crowd = [await connect(), await connect(), await connect()];
    await (await connect(get, "127.0.0.3")).until(/ok$/u);
    await expect(crowd[0]?.closed).resolves.toBe("");
    expect(lone.socket.closed).toBe(false);
  });

  test("of one address, its own oldest goes", async () => {
    const { connect } = await serve({ maxConnectionsPerAddress: 2 });
    const [oldest] = [await connect(), await connect()];
    await (await connect(get)).until(/ok$/u);
    await expect(oldest.closed).resolves.toBe("");
  });
});

describe("a connection ends", () => {
  test("at the deadline, where its client does not read the answer", async () => {
    const whole = "a".repeat(64_000_000);
    const { connect } = await serve({ requestTimeoutMs: 300 }, (_request, response) => {
      response.end(whole);
    });
    const client = await connect();
    client.socket.pause();
    client.socket.write(get);
    // A paused socket does not notice its end: it reads what is there, which is not the whole answer.
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        client.socket.write("\r\n", (error) => {
          if (error === undefined || error === null) return;
          clearInterval(look);
          resolve();
        });
      }, 20);
    });
    expect(client.received().length).toBeLessThan(whole.length);
  });

  test("after the deadline, where there is no answer", async () => {
    const { connect } = await serve({ requestTimeoutMs: 50, lingerMs: 50 });
    await expect((await connect(wait)).closed).resolves.toBe("");
  });

  test("soon after the answer, where its client goes on sending what was refused", async () => {
    const { connect } = await serve({ lingerMs: 50 });
    const client = await connect(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc",
    );
    const sending = setInterval(() => client.socket.write("abc"), 10);
    expect(await client.closed).toMatch(/ok$/u);
    clearInterval(sending);
  });

  test("where its client asks for more than it may at one time, before thousands are read", async () => {
    const { connect, open, closed } = await serve();
    const client = await connect();
    client.socket.write(wait.repeat(1000));
    await expect(client.closed).resolves.toBe("");
    expect(open).toHaveLength(16);
    // Also those whose turn had not come are told that their client has gone.
    await eventually(() => closed.length === open.length);
  });
});

test("requests one after the other, and a few at one time, are answered on one connection", async () => {
  const { connect } = await serve();
  const client = await connect(get.repeat(16));
  await client.until(/(?:ok[^]*){16}/u);
  client.socket.write(get);
  await client.until(/(?:ok[^]*){17}/u);
});

describe("closing", () => {
  test("ends silent connections, half heads and idle ones at once, and waits for answers", async () => {
    const { connections, connect, open } = await serve();
    const silent = await Promise.all([connect(), connect(halfHead), connect(get)]);
    await silent[2].until(/ok$/u);
    const busy = await connect(wait);
    await eventually(() => open.length > 0);
    const closed = connections.close();
    await Promise.all(silent.map((client) => client.closed));
    for (const response of open) response.end("late");
    await closed;
    expect(await busy.closed).toMatch(/Connection: close\r\n[^]*late$/u);
  });

  test("ends a connection after the answer that had begun before", async () => {
    const { connections, connect, open } = await serve();
    const client = await connect(wait);
    await eventually(() => open.length > 0);
    open[0]?.writeHead(200, { "Content-Length": 4 });
    open[0]?.write("be");
    await client.until(/be$/u);
    const closed = connections.close();
    open[0]?.end("en");
    await closed;
    expect(await client.closed).toMatch(/been$/u);
  });

  test("does not wait for a client that does not read its answer", async () => {
    let asked = false;
    const { connections, connect } = await serve({}, (_request, response) => {
      response.end("a".repeat(64_000_000));
      asked = true;
    });
    const client = await connect();
    client.socket.pause();
    client.socket.write(get);
    await eventually(() => asked);
    await connections.close();
    await eventually(() => connections.length === 0);
  });
});
