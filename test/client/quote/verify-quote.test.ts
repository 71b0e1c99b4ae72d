import { beforeAll, describe, expect, test } from "@jest/globals";
import { toHex } from "../../../client/encoding.js";
import { verifyCollateral } from "../../../client/quote/collateral.js";
import { verifyQuote, type VerifiedQuote } from "../../../client/quote/verify-quote.js";
import {
  createSgxPlatform,
  type PlatformOptions,
  type SgxPlatform,
} from "../../../emulator/sgx-platform.js";
import { emulatedRoot, quoteBytes } from "../../helpers/attested-server.js";
import { recordedQuote, trust, withRecordedQuotes } from "./recorded-quotes.js";

const sgx = recordedQuote("sgx");
const tdx = recordedQuote("tdx");

withRecordedQuotes("a quote from real hardware", () => {
  test("of SGX is accepted while its collateral is current, with its status and advisories", async () => {
    const verified = await verifyQuote(
      sgx.quote,
      await verifyCollateral(sgx.collateral, trust),
      trust,
    );
    expect(verified).toMatchObject({
      tcb: {
        status: "ConfigurationAndSWHardeningNeeded",
        advisories: ["INTEL-SA-00289", "INTEL-SA-00615"],
      },
      tcbEvaluationDataNumber: 17,
      emulated: false,
    });
    expect(toHex(verified.reportData)).toHaveLength(128);
  });

  test("of TDX is accepted while its collateral is current", async () => {
    const collateral = await verifyCollateral(tdx.collateral, trust);
    expect(await verifyQuote(tdx.quote, collateral, trust)).toMatchObject({
      body: { type: "tdx" },
      tcb: { status: "UpToDate", advisories: [] },
    });
  });

  test.each([
    ["before", "2025-06-19T00:00:00Z"],
    ["after", "2025-07-19T10:56:12Z"],
    ["long after", "2026-11-26T00:00:00Z"],
  ])("is refused %s the time of its collateral", async (_, now) => {
    const late = { ...trust, now: new Date(now) };
    await expect(verifyCollateral(sgx.collateral, late)).rejects.toMatchObject({
      code: "COLLATERAL_EXPIRED",
    });
  });

  test("is refused with the collateral of another platform or TEE", async () => {
    const other = await verifyCollateral(tdx.collateral, trust);
    await expect(verifyQuote(sgx.quote, other, trust)).rejects.toMatchObject({
      code: "COLLATERAL_INVALID",
    });
  });

  test.each(["pck_crl", "root_ca_crl"] as const)("is refused without %s", async (name) => {
    for (const text of [
      "",
      "00",
      "zz",
      sgx.collateral[name === "pck_crl" ? "root_ca_crl" : "pck_crl"],
    ]) {
      await expect(
        verifyCollateral({ ...sgx.collateral, [name]: text }, trust),
      ).rejects.toMatchObject({ code: "COLLATERAL_INVALID" });
    }
  });

  test("is refused with another CA's CRL", async () => {
    const { pck_crl, pck_crl_issuer_chain } = tdx.collateral;
    const mixed = await verifyCollateral(
      { ...sgx.collateral, pck_crl, pck_crl_issuer_chain },
      trust,
    );
    await expect(verifyQuote(sgx.quote, mixed, trust)).rejects.toMatchObject({
      code: "COLLATERAL_INVALID",
      message: expect.stringContaining("another CA"),
    });
  });

  test("is refused where bytes other than zeros follow, or its end is missing", async () => {
    const collateral = await verifyCollateral(sgx.collateral, trust);
    const longer = Uint8Array.of(...sgx.quote, 1);
    for (const quote of [
      longer,
      sgx.quote.subarray(0, -1),
      new Uint8Array(),
      new Uint8Array(70_000),
    ]) {
      await expect(verifyQuote(quote, collateral, trust)).rejects.toMatchObject({
        code: expect.stringMatching(/^QUOTE_MALFORMED$|^EVIDENCE_UNSUPPORTED$/u),
      });
    }
  });
});

async function verifyEmulated(
  options: PlatformOptions,
  change: (platform: SgxPlatform) => SgxPlatform = (platform) => platform,
): Promise<VerifiedQuote> {
  const platform = change(await createSgxPlatform(options));
  const emulated = { roots: [emulatedRoot(platform)], now: new Date() };
  const collateral = await verifyCollateral(platform.collateral, emulated);
  return verifyQuote(
    new Uint8Array(quoteBytes(platform, Buffer.from("data"))),
    collateral,
    emulated,
  );
}

describe("an emulated quote", () => {
  let platform: SgxPlatform;
  beforeAll(async () => {
    platform = await createSgxPlatform();
  });

  test("is accepted with the emulator's root, and says that it is emulated", async () => {
    expect(await verifyEmulated({})).toMatchObject({
      emulated: true,
      tcb: { status: "UpToDate", advisories: [] },
    });
  });

  test("is refused with Intel's root", async () => {
    const now = new Date();
    await expect(
      verifyCollateral(platform.collateral, { roots: trust.roots, now }),
    ).rejects.toMatchObject({ code: "ROOT_UNTRUSTED" });
  });

  test("is refused with another emulator's collateral, where both roots are trusted", async () => {
    const other = await createSgxPlatform();
    const both = { roots: [emulatedRoot(platform), emulatedRoot(other)], now: new Date() };
    const collateral = await verifyCollateral(other.collateral, both);
    const quote = new Uint8Array(quoteBytes(platform, Buffer.from("data")));
    await expect(verifyQuote(quote, collateral, both)).rejects.toMatchObject({
      code: "COLLATERAL_INVALID",
    });
  });

  test.each(["pck", "pckCa", "tcbSigning"] as const)(
    "is refused where the %s certificate is revoked",
    async (name) => {
      await expect(verifyEmulated({ revoked: [name] })).rejects.toMatchObject({
        code: "CERTIFICATE_REVOKED",
      });
    },
  );

  test("is refused on a platform whose TCB level is revoked", async () => {
    await expect(verifyEmulated({ tcbStatus: "Revoked" })).rejects.toMatchObject({
      code: "TCB_REVOKED",
    });
  });

  test("has the status and the advisories of its TCB level", async () => {
    const advisories = ["INTEL-SA-00001"];
    expect(await verifyEmulated({ tcbStatus: "OutOfDate", advisories })).toMatchObject({
      tcb: { status: "OutOfDate", advisories },
    });
  });

  test("is refused where its certificates have expired", async () => {
    const validity = { notBefore: new Date("2020-01-01Z"), notAfter: new Date("2020-02-01Z") };
    await expect(verifyEmulated({ validity })).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
    });
  });

  test("is refused where the PCK chain signs the TCB information", async () => {
    const swapped = ({ collateral, ...rest }: SgxPlatform): SgxPlatform => ({
      ...rest,
      collateral: { ...collateral, tcb_info_issuer_chain: collateral.pck_crl_issuer_chain },
    });
    await expect(verifyEmulated({}, swapped)).rejects.toMatchObject({
      code: "CERTIFICATE_INVALID",
      message: expect.stringContaining("another use"),
    });
  });

  test.each<[string, string, PlatformOptions]>([
    [
      "TCB information that has expired",
      "COLLATERAL_EXPIRED",
      { tcbInfo: { nextUpdate: "2026-01-02T00:00:00Z", issueDate: "2026-01-01T00:00:00Z" } },
    ],
    [
      "a QE identity that has expired",
      "COLLATERAL_EXPIRED",
      { qeIdentity: { nextUpdate: "2026-01-02T00:00:00Z", issueDate: "2026-01-01T00:00:00Z" } },
    ],
    [
      "TCB information of the future",
      "COLLATERAL_EXPIRED",
      { tcbInfo: { issueDate: "2090-01-01T00:00:00Z", nextUpdate: "2090-02-01T00:00:00Z" } },
    ],
    [
      "CRLs that have expired",
      "COLLATERAL_EXPIRED",
      { crlValidity: { notBefore: new Date("2020-01-01Z"), notAfter: new Date("2020-02-01Z") } },
    ],
    [
      "TCB information for other processors",
      "COLLATERAL_INVALID",
      { tcbInfo: { fmspc: "000000000000" } },
    ],
    ["TCB information for another PCE", "COLLATERAL_INVALID", { tcbInfo: { pceId: "0001" } }],
    ["TCB information of TDX", "COLLATERAL_INVALID", { tcbInfo: { id: "TDX" } }],
    ["TCB information of another version", "COLLATERAL_INVALID", { tcbInfo: { version: 4 } }],
    ["a platform older than all levels", "TCB_UNKNOWN", { tcbInfo: { tcbLevels: [level(6, 13)] } }],
    ["a PCE older than all levels", "TCB_UNKNOWN", { tcbInfo: { tcbLevels: [level(5, 14)] } }],
    [
      "a TDX quoting enclave's identity",
      "QUOTING_ENCLAVE_REFUSED",
      { qeIdentity: { id: "TD_QE" } },
    ],
    [
      "a quoting enclave by another signer",
      "QUOTING_ENCLAVE_REFUSED",
      { quotingEnclave: { mrsigner: Buffer.alloc(32) } },
    ],
    [
      "another product as quoting enclave",
      "QUOTING_ENCLAVE_REFUSED",
      { quotingEnclave: { productId: 2 } },
    ],
    [
      "a quoting enclave under debug",
      "QUOTING_ENCLAVE_REFUSED",
      { quotingEnclave: { debuggable: true } },
    ],
    [
      "a quoting enclave with other MISCSELECT",
      "QUOTING_ENCLAVE_REFUSED",
      { qeIdentity: { miscselect: "01000000" } },
    ],
    [
      "a quoting enclave older than all versions",
      "TCB_UNKNOWN",
      { quotingEnclave: { securityVersion: 7 } },
    ],
    [
      "a quoting enclave whose version is revoked",
      "TCB_REVOKED",
      { qeIdentity: qeStatus("Revoked") },
    ],
    [
      "report data of the quoting enclave with more than the hash",
      "QUOTE_SIGNATURE_INVALID",
      { quotingEnclave: { reportData: Buffer.alloc(64, 1) } },
    ],
  ])("is refused with %s", async (_, code, options) => {
    await expect(verifyEmulated(options)).rejects.toMatchObject({ code });
  });

  test("of a quoting enclave that is out of date is out of date", async () => {
    expect(await verifyEmulated({ qeIdentity: qeStatus("OutOfDate") })).toMatchObject({
      tcb: { status: "OutOfDate", advisories: ["INTEL-SA-2"] },
    });
  });

  test("is refused where another quoting key signed it, or its certification is another's", async () => {
    const other = await createSgxPlatform();
    const emulated = { roots: [emulatedRoot(platform)], now: new Date() };
    const collateral = await verifyCollateral(platform.collateral, emulated);
    const [key] = other.quotingKeyPem.split("-----BEGIN SGX");
    const [, certification] = platform.quotingKeyPem.split("-----BEGIN SGX");
    const quotingKeyPem = `${key ?? ""}-----BEGIN SGX${certification ?? ""}`;
    const quote = new Uint8Array(quoteBytes({ ...platform, quotingKeyPem }, Buffer.from("data")));
    await expect(verifyQuote(quote, collateral, emulated)).rejects.toMatchObject({
      code: "QUOTE_SIGNATURE_INVALID",
    });
  });
});

/** A TCB level whose 16 components have this SVN. */
function level(svn: number, pcesvn: number): object {
  const sgxtcbcomponents = Array.from({ length: 16 }, () => ({ svn }));
  return { tcb: { sgxtcbcomponents, pcesvn }, tcbStatus: "UpToDate" };
}

function qeStatus(tcbStatus: string): object {
  return { tcbLevels: [{ tcb: { isvsvn: 1 }, tcbStatus, advisoryIDs: ["INTEL-SA-2"] }] };
}
