import type { Request } from "express";
import { addressOf } from "./client-network.js";

/**
 * The address of a request's client, by which all limits per client are counted. It is that of the connection, unless that is a
 * trusted proxy's: then it is the last one in `X-Forwarded-For` that is not a trusted proxy's (Express' setting
 * `trust proxy`, made from `Listen.TrustedProxies`). Where the proxy names no address, all its clients count as one.
 *
 * @returns an IP address; undefined where the connection is closed already
 */
export function clientAddress(request: Pick<Request, "ip" | "socket">): string | undefined {
  return addressOf(request.ip ?? "") ?? request.socket.remoteAddress;
}
