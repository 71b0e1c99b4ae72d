import { connect, type Socket } from "node:net";
import { z } from "zod";
import { answer, readJob } from "../bench/job.js";

/** In a process of its own: connections that ask for nothing, or for very little, and are opened anew when closed. */
const jobSchema = z.object({ port: z.number(), connections: z.number() });

/** Beginnings: silence, a head that never ends, an upload of which nothing more comes. */
const beginnings = [
  "",
  "GET / HTTP/1.1\r\nHost: soak\r\nX-Slow: ",
  "POST /evaluate HTTP/1.1\r\nHost: soak\r\nContent-Type: multipart/form-data; boundary=b\r\n" +
    "Content-Length: 100000\r\n\r\n--b\r\n",
];
/** At each step: 2,500 a second. */
const openingAtOnce = 50;
/** So many opens for each address: a process has some 28,000 ports on each. */
const addresses = 50;
const tellMs = 1000;
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
}, tellMs);
