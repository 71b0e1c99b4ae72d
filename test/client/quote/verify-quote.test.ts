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
import { recordedQuote, trust } from "./recorded-quotes.js";

const sgx = recordedQuote("sgx");
const tdx = recordedQuote("tdx");

describe("a quote from real hardware", () => {
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
