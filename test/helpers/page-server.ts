import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createSgxPlatform } from "../../emulator/sgx-platform.js";
import { createQuote } from "../../emulator/sgx-quote.js";
import { loadPage } from "../../src/http/page.js";
import { measurements } from "./attested-server.js";
import { testAttestation } from "./attestation.js";
import { testApp, type TestAppOptions } from "./test-app.js";

/** A request as it came over the network. */
export interface SeenRequest {
  method: string;
  url: string;
  body: Buffer;
}

/** The application with the built page, emulated evidence and a socket of its own. */
export interface PageServer {
  url: string;
  /** The emulator's root certificate, PEM. */
  rootPem: string;
  seen: SeenRequest[];
  /** What is called before each request; it may wait, or destroy the connection. */
  before: { request: (url: string, destroy: () => void) => Promise<void> | void };
  close: () => Promise<void>;
}

/** @param options of the application; `cors`: the origin whose pages may read the answers */
export async function startPageServer(
  options: TestAppOptions & { cors?: string } = {},
): Promise<PageServer> {
  const platform = await createSgxPlatform();
  const attestation = await testAttestation({
    collateralFor: () => Promise.resolve({ ...platform.collateral }),
    provider: {
      collect: (reportData) => {
        const report = {
          mrenclave: Buffer.from(measurements.mrenclave, "hex"),
          mrsigner: Buffer.from(measurements.mrsigner, "hex"),
          productId: 1,
          securityVersion: 3,
          debuggable: false,
          reportData: Buffer.concat([reportData, Buffer.alloc(32)]),
        };
        const quote = createQuote(report, platform.quotingKeyPem);
        return Promise.resolve({ type: "SgxEnclave", fields: { quote } });
      },
    },
  });
  const { app } = await testApp({
    ...options,
    app: { formats: ["plain", "jwe", "attested"], page: await loadPage(), attestation },
  });
  const seen: SeenRequest[] = [];
  const before: PageServer["before"] = { request: () => undefined };
  const server = createServer((request, response) => {
    const { method = "", url = "" } = request;
    if (options.cors !== undefined) {
      response.setHeader("Access-Control-Allow-Origin", options.cors);
    }
    const answer = (): void => {
      const chunks: Buffer[] = [];
      app(request, response);
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.once("close", () => {
        seen.push({ method, url, body: Buffer.concat(chunks) });
      });
    };
    void Promise.resolve(before.request(url, () => request.socket.destroy())).then(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    rootPem: platform.rootPem,
    seen,
    before,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
