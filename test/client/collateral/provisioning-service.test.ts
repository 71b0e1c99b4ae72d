import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { readAttestation } from "../../../client/attestation/attestation.js";
import { fromProvisioningService } from "../../../client/collateral/provisioning-service.js";
import { recordedQuote, withRecordedQuotes } from "../quote/recorded-quotes.js";

const { quote, collateral } = recordedQuote("sgx");
const attestation = readAttestation({
  evidence: { type: "sgx", quote: Buffer.from(quote).toString("base64url") },
  runtime_data: "",
});

let close = (): void => undefined;
afterEach(() => {
  close();
});

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const chain = (pem: string): string => encodeURIComponent(pem);
/** The answers of a PCCS for the recorded quote, by path and query. */
const answers: Record<string, { headers: Record<string, string>; body: string | Buffer }> = {
  "/sgx/certification/v4/pckcrl?ca=processor&encoding=der": {
    headers: { "SGX-PCK-CRL-Issuer-Chain": chain(collateral.pck_crl_issuer_chain) },
    body: Buffer.from(collateral.pck_crl, "hex"),
  },
  "/sgx/certification/v4/tcb?fmspc=00A067110000": {
    headers: { "TCB-Info-Issuer-Chain": chain(collateral.tcb_info_issuer_chain) },
    body: `{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`,
  },
  "/sgx/certification/v4/qe/identity": {
    headers: { "SGX-Enclave-Identity-Issuer-Chain": chain(collateral.qe_identity_issuer_chain) },
    body: `{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`,
  },
  "/sgx/certification/v4/rootcacrl": { headers: {}, body: collateral.root_ca_crl },
};

withRecordedQuotes("fromProvisioningService", () => {
  test("puts together what a PCCS answers, byte by byte as it was signed", async () => {
    const origin = await listen((request, response) => {
      const { headers, body } = answers[request.url ?? ""] ?? { headers: {}, body: "" };
      response.writeHead(body === "" ? 404 : 200, headers).end(body);
    });
    expect(await fromProvisioningService(`${origin}/`)(attestation)).toEqual(collateral);
  });

  test.each<[string, RequestListener]>([
    ["an error", (_request, response) => response.writeHead(503).end()],
    ["a redirect", (_request, response) => response.writeHead(302, { location: "/" }).end()],
    ["no JSON", (_request, response) => response.writeHead(200).end("<html>")],
    ["more than a megabyte", (_request, response) => response.end(Buffer.alloc(1_100_000))],
    ["nothing", (request) => request.socket.destroy()],
  ])("says that there is no collateral where the service answers with %s", async (_, handler) => {
    const origin = await listen(handler);
    await expect(fromProvisioningService(origin)(attestation)).rejects.toMatchObject({
      code: "COLLATERAL_MISSING",
    });
  });
});
