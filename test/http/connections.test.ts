import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "@jest/globals";
import { TrustedProxies } from "../../src/http/trusted-proxies.js";
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
  /** Answers that `onRequest` has not ended. */
  open: ServerResponse[];
  /** Answers that emitted "close". */
  closed: ServerResponse[];
}

/** Answers at once, except for /wait. */
async function serve(
  limits: Partial<ConnectionLimits> = {},
  onRequest?: RequestListener,
  trustedProxies = new TrustedProxies([]),
): Promise<Served> {
  // Much longer than a test by default, so that only the limit under test closes connections.
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
    trustedProxies,
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

describe("at the limit of connections", () => {
  test("a new connection replaces the one that has been without a request the longest", async () => {
    const { connections, connect } = await serve({ maxConnections: 4 });
    const silent = await connect();
    const half = await connect(halfHead);
    const asked = await connect(get);
    const busy = await connect(wait);
    // After its request it has been idle for a shorter time than the others.
    await asked.until(/ok$/u);
    const first = await connect(get);
    await expect(silent.closed).resolves.toBe("");
    await first.until(/ok$/u);
    await (await connect(get)).until(/ok$/u);
    await expect(half.closed).resolves.toBe("");
    expect([asked, busy, first].map(({ socket }) => socket.closed)).toEqual([false, false, false]);
    expect(connections.length).toBe(4);
  });

  test("hundreds of silent connections do not keep a client out", async () => {
    const { connections, connect } = await serve({ maxConnections: 50 });
    for (let count = 0; count < 300; count += 1) await connect(count % 2 === 0 ? "" : halfHead);
    await (await connect(get)).until(/ok$/u);
    expect(connections.length).toBeLessThanOrEqual(50);
  });

  test("a connection that waits for its answer is not closed: the new one is", async () => {
    const { connect, open } = await serve({ maxConnections: 3 });
    const busy = [await connect(wait), await connect(wait), await connect(wait)];
    // Only a connection whose request has been read waits for an answer.
    await eventually(() => open.length === busy.length);
    const late = await connect(get);
    await expect(late.closed).resolves.toBe("");
    for (const response of open) response.end("late");
    for (const client of busy) await client.until(/late$/u);
  });

  test("a new connection replaces the upload that has been arriving the longest, where all have a request", async () => {
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

  test("the connection to close is one of the address with the most connections", async () => {
    const { connect } = await serve({ maxConnections: 4 });
    const lone = await connect("", "127.0.0.2");
    const crowd = [await connect(), await connect(), await connect()];
    await (await connect(get, "127.0.0.3")).until(/ok$/u);
    await expect(crowd[0]?.closed).resolves.toBe("");
    expect(lone.socket.closed).toBe(false);
  });

  test("the limit for one address closes that address's own oldest connection", async () => {
    const { connect } = await serve({ maxConnectionsPerAddress: 2 });
    const [oldest] = [await connect(), await connect()];
    await (await connect(get)).until(/ok$/u);
    await expect(oldest.closed).resolves.toBe("");
  });

  test("the limit for one address does not hold for trusted proxies, and that for all does", async () => {
    const trustedProxies = new TrustedProxies(["127.0.0.1"]);
    const limits = { maxConnections: 4, maxConnectionsPerAddress: 1 };
    const { connections, connect } = await serve(limits, undefined, trustedProxies);
    const proxied = [await connect(), await connect(), await connect()];
    const direct = await connect("", "127.0.0.2");
    await eventually(() => connections.length === 4);
    await (await connect(get, "127.0.0.2")).until(/ok$/u);
    await expect(direct.closed).resolves.toBe("");
    expect(proxied.map(({ socket }) => socket.closed)).toEqual([false, false, false]);
    await (await connect(get)).until(/ok$/u);
    await expect(proxied[0]?.closed).resolves.toBe("");
  });
});

describe("a connection is closed", () => {
  test("at the deadline, where the client does not read the answer", async () => {
    const whole = "a".repeat(64_000_000);
    const { connect } = await serve({ requestTimeoutMs: 300 }, (_request, response) => {
      response.end(whole);
    });
    const client = await connect();
    client.socket.pause();
    client.socket.write(get);
    // A paused socket does not see the end of the connection. Reading on gives only a part of the answer.
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

  test("soon after the answer, where the client goes on sending a refused request", async () => {
    const { connect } = await serve({ lingerMs: 50 });
    const client = await connect(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nabc",
    );
    const sending = setInterval(() => client.socket.write("abc"), 10);
    expect(await client.closed).toMatch(/ok$/u);
    clearInterval(sending);
  });

  test("where the client sends too many pipelined requests, before thousands of them are read", async () => {
    const { connect, open, closed } = await serve();
    const client = await connect();
    client.socket.write(wait.repeat(1000));
    await expect(client.closed).resolves.toBe("");
    expect(open).toHaveLength(16);
    // Pipelined answers also emit "close", though they never had the socket.
    await eventually(() => closed.length === open.length);
  });
});

test("one connection serves requests one after the other and a few pipelined ones", async () => {
  const { connect } = await serve();
  const client = await connect(get.repeat(16));
  await client.until(/(?:ok[^]*){16}/u);
  client.socket.write(get);
  await client.until(/(?:ok[^]*){17}/u);
});

describe("closing", () => {
  test("ends idle connections and those with an incomplete head at once, and waits for answers", async () => {
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

  test("ends a connection after an answer that had begun before", async () => {
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
