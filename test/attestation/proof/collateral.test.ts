import { createServer } from "node:https";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { hosts } from "../../../emulator/hosts.js";
import { fetchCollateral } from "../../../src/attestation/proof/collateral.js";
import { CollateralCache } from "../../../src/attestation/proof/collateral-cache.js";
import type { ClientEvidence } from "../../../src/attestation/proof/client-evidence.js";
import type { DatedCollateral } from "../../../src/attestation/proof/collateral.js";
import { platformOf } from "../../../src/attestation/proof/quoted-platform.js";
import { readNextUpdate } from "../../../src/attestation/proof/crl-time.js";
import { createTransport } from "../../../src/net/transport.js";
import { recordedQuote, withRecordedQuotes } from "../../client/quote/recorded-quotes.js";
import { sharedCertificates } from "../../helpers/certificates.js";

const { quote, collateral } = recordedQuote("sgx");
const evidence: ClientEvidence = { type: "sgx", quote, measurement: "" };
const { caPem, tls } = await sharedCertificates();
const origin = `https://${hosts.attestation}`;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

async function fetchFrom(handler: RequestListener, from = origin): Promise<DatedCollateral> {
  const server = createServer(
    { key: tls.privateKey.export({ type: "pkcs8", format: "pem" }), cert: tls.certificatePem },
    handler,
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const transport = createTransport({ ca: caPem, connect: `127.0.0.1:${port}` });
  cleanups.push(() => {
    transport.agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const { signal } = new AbortController();
  return fetchCollateral(evidence, { transport, origin: from, signal, timeoutMs: 5000 });
}

type Answers = Record<string, { headers: Record<string, string>; body: string | Buffer }>;

/** The answers of a PCCS for the recorded quote, by path and query. */
const answers: Answers = {
  "/sgx/certification/v4/pckcrl?ca=processor&encoding=der": {
    headers: { "SGX-PCK-CRL-Issuer-Chain": encodeURIComponent(collateral.pck_crl_issuer_chain) },
    body: Buffer.from(collateral.pck_crl, "hex"),
  },
  "/sgx/certification/v4/tcb?fmspc=00A067110000": {
    headers: { "TCB-Info-Issuer-Chain": encodeURIComponent(collateral.tcb_info_issuer_chain) },
    body: `{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`,
  },
  "/sgx/certification/v4/qe/identity": {
    headers: {
      "SGX-Enclave-Identity-Issuer-Chain": encodeURIComponent(collateral.qe_identity_issuer_chain),
    },
    body: `{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`,
  },
  "/sgx/certification/v4/rootcacrl": { headers: {}, body: `${collateral.root_ca_crl}\n` },
};

function answerWith(all: Answers): RequestListener {
  return (request, response) => {
    const found = all[request.url ?? ""];
    if (found === undefined) response.writeHead(404).end();
    else response.writeHead(200, found.headers).end(found.body);
  };
}

function changed(path: string, change: Partial<Answers[string]>): RequestListener {
  const [key = ""] = Object.keys(answers).filter((one) => one.includes(path));
  const answer = answers[key] ?? { headers: {}, body: "" };
  return answerWith({ ...answers, [key]: { ...answer, ...change } });
}

withRecordedQuotes("fetchCollateral", () => {
  test("puts together what a PCCS answers, byte by byte as it was signed, until its first part expires", async () => {
    const { collateral: got, nextUpdate } = await fetchFrom(answerWith(answers));
    expect(got).toEqual(collateral);
    const times = [collateral.pck_crl, collateral.root_ca_crl]
      .map((crl) => readNextUpdate(Buffer.from(crl, "hex")))
      .concat(
        [collateral.tcb_info, collateral.qe_identity].map(
          (text) => new Date((JSON.parse(text) as { nextUpdate: string }).nextUpdate),
        ),
      );
    expect(nextUpdate).toEqual(new Date(Math.min(...times.map((time) => time.getTime()))));
  });

  test.each<[string, RequestListener]>([
    ["an error", (_request, response) => response.writeHead(503).end()],
    ["a redirect", (_request, response) => response.writeHead(302, { location: "/" }).end()],
    ["no JSON", changed("/tcb?", { body: "<html>" })],
    ["JSON of another form", changed("/identity", { body: "{}" })],
    ["deep JSON", changed("/identity", { body: "[".repeat(100) })],
    ["no chain", changed("pckcrl", { headers: {} })],
    [
      "a chain that is no percent-encoding",
      changed("pckcrl", { headers: { "SGX-PCK-CRL-Issuer-Chain": "%" } }),
    ],
    ["no CRL", changed("rootcacrl", { body: "00" })],
    ["more than a megabyte", changed("rootcacrl", { body: Buffer.alloc(1_048_577) })],
    ["nothing", (request) => request.socket.destroy()],
  ])("rejects %s", async (_, handler) => {
    await expect(fetchFrom(handler)).rejects.toThrow();
  });
});

withRecordedQuotes("platformOf", () => {
  test("refuses a quote without a PCK certificate", () => {
    const text = Buffer.from(quote).toString("latin1");
    const cut = Buffer.from(text.slice(0, text.indexOf("-----BEGIN") + 100), "latin1");
    for (const bytes of [
      cut,
      Buffer.alloc(0),
      Buffer.from("-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----"),
    ]) {
      expect(() => platformOf(bytes)).toThrow("without a PCK certificate");
    }
    expect(platformOf(quote)).toEqual({ fmspc: "00A067110000", ca: "processor" });
  });
});

withRecordedQuotes("CollateralCache", () => {
  const day = 86_400_000;
  function cache() {
    const state = { nowMs: 1e12, calls: 0, fails: false, lasts: 30 * day, reasons: [] as string[] };
    const made = new CollateralCache({
      fetch: () => {
        state.calls += 1;
        if (state.fails) return Promise.reject(new Error("HTTP 503"));
        const nextUpdate = new Date(state.nowMs + state.lasts);
        return Promise.resolve({
          collateral: { ...collateral, tcb_info: String(state.calls) },
          nextUpdate,
        });
      },
      onFailure: (reason) => state.reasons.push(reason),
      now: () => state.nowMs,
    });
    const ask = async () => (await made.collateralFor(evidence))?.tcb_info;
    return { state, ask };
  }

  test("fetches once for many, and again after a day", async () => {
    const { state, ask } = cache();
    expect(new Set(await Promise.all(Array.from({ length: 100 }, ask)))).toEqual(new Set(["1"]));
    state.nowMs += day - 1;
    expect(await ask()).toBe("1");
    state.nowMs += 1;
    expect(await ask()).toBe("2");
  });

  test("keeps what it has when the source fails, until it expires, and asks at most once a minute", async () => {
    const { state, ask } = cache();
    await ask();
    state.fails = true;
    state.nowMs += day;
    expect([await ask(), await ask(), state.calls]).toEqual(["1", "1", 2]);
    state.nowMs += 60_000;
    expect([await ask(), state.calls]).toEqual(["1", 3]);
    state.nowMs += 29 * day;
    expect(await ask()).toBeUndefined();
    expect(state.reasons).toEqual(["HTTP 503", "HTTP 503", "HTTP 503"]);
    state.fails = false;
    state.nowMs += 60_000;
    expect(await ask()).toBe("5");
  });

  test("does not serve what is expired when it comes", async () => {
    const { state, ask } = cache();
    state.lasts = -1;
    expect([await ask(), await ask(), state.calls]).toEqual([undefined, undefined, 1]);
  });

  test("has none where the configuration names no source", async () => {
    const none = new CollateralCache({ fetch: undefined, onFailure: () => undefined });
    expect(await none.collateralFor(evidence)).toBeUndefined();
  });
});
