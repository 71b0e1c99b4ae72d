import { connect, type Socket } from "node:net";
import { z } from "zod";
import { answer, readJob } from "../bench/job.js";

/** A process that keeps many silent and slow connections open, and opens new ones for those that are closed. */
const jobSchema = z.object({ port: z.number(), connections: z.number() });

/** What a connection sends: nothing, an incomplete head, or the start of an upload. */
const beginnings = [
  "",
  "GET / HTTP/1.1\r\nHost: soak\r\nX-Slow: ",
  "POST /evaluate HTTP/1.1\r\nHost: soak\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
    "Content-Length: 100000\r\n\r\n--b\r\n",
];
/** Connections opened in each step: 2,500 a second. */
const openingAtOnce = 50;
/** Local addresses in turn, because each has only some 28,000 ports for outgoing connections. */
const addresses = 50;
const reportMs = 1000;
const stepMs = 20;

const { port, connections } = readJob(jobSchema);
const open = new Set<Socket>();
let opened = 0;

function begin(): void {
  const number = opened;
  opened += 1;
  const localAddress = `127.0.2.${1 + (number % addresses)}`;
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  open.add(socket);
  socket.on("error", () => undefined);
  socket.once("close", () => open.delete(socket));
  socket.once("connect", () => socket.write(beginnings[number % beginnings.length] ?? ""));
  socket.resume();
}

setInterval(() => {
  for (let count = 0; count < openingAtOnce && open.size < connections; count += 1) begin();
}, stepMs);
setInterval(() => {
  const established = [...open].filter((socket) => !socket.connecting).length;
  answer({ established, opened });
}, reportMs);
