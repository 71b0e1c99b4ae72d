import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { chooseTarget } from "../../../scripts/demo/target.js";
import { differencesFrom, parseIdentity } from "../../../scripts/tee/enclave.js";
import { inspectMachine, missingFor } from "../../../scripts/tee/mystikos.js";

describe("a machine", () => {
  let folder = "";

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "confml-machine-"));
    writeFileSync(join(folder, "myst"), "");
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test("has Mystikos where myst can be run", () => {
    const PATH = `/nowhere::${folder}`;
    expect(inspectMachine({ PATH }, []).myst).toBeUndefined();
    chmodSync(join(folder, "myst"), 0o755);
    expect(inspectMachine({ PATH }, []).myst).toBe(join(folder, "myst"));
    expect(inspectMachine({}, []).myst).toBeUndefined();
  });

  test("has SGX where one of its devices is", () => {
    const device = join(folder, "sgx_enclave");
    expect(inspectMachine({}, [device]).sgxDevice).toBeUndefined();
    writeFileSync(device, "");
    expect(inspectMachine({}, ["/nowhere", device]).sgxDevice).toBe(device);
  });

  test("is told all that it lacks, and where to get it", () => {
    const nothing = { myst: undefined, sgxDevice: undefined };
    expect(missingFor("sgx", nothing)).toEqual([
      expect.stringMatching(/^myst is not on PATH: install Mystikos, https:/u),
      expect.stringMatching(/^there is no \/dev\/sgx_enclave.*DCsv3/u),
    ]);
    expect(missingFor("linux", { ...nothing, myst: "/myst" })).toEqual([]);
  });
});

describe("make run", () => {
  const credentials = { CLIENT_ID: "i", CLIENT_SECRET: "s", APP_ID: "a", MHSM_AAD_URL: "u" };
  const all = { myst: "/myst", sgxDevice: "/dev/sgx_enclave" };
  const none = { myst: undefined, sgxDevice: undefined };

  test("does the most that the machine can", () => {
    expect(chooseTarget(credentials, all)).toEqual({ kind: "sgx" });
    expect(chooseTarget({}, all)).toEqual({ kind: "linux", myst: "/myst" });
    expect(chooseTarget({ ...credentials, APP_ID: "" }, all).kind).toBe("linux");
    expect(chooseTarget(credentials, { ...all, sgxDevice: undefined }).kind).toBe("linux");
    expect(chooseTarget(credentials, none)).toEqual({ kind: "none" });
    expect(chooseTarget({ TEE: "" }, none)).toEqual({ kind: "none" });
  });

  test("does what it is told", () => {
    expect(chooseTarget({ ...credentials, TEE: "none" }, all).kind).toBe("none");
    expect(chooseTarget({ ...credentials, TEE: "linux" }, all).kind).toBe("linux");
    expect(chooseTarget({ ...credentials, TEE: "sgx" }, all).kind).toBe("sgx");
  });

  test.each([
    ["sgx", {}, all, /not set: CLIENT_ID, CLIENT_SECRET, APP_ID, MHSM_AAD_URL/u],
    ["sgx", credentials, { ...all, sgxDevice: undefined }, /there is no \/dev\/sgx_enclave/u],
    ["sgx", credentials, none, /myst is not on PATH/u],
    ["linux", credentials, none, /myst is not on PATH/u],
    ["tdx", credentials, all, /expected sgx, linux or none; got tdx/u],
  ])("never does less than TEE=%s without a word", (tee, environment, machine, message) => {
    expect(() => chooseTarget({ ...environment, TEE: tee }, machine)).toThrow(message);
  });
});

describe("what Mystikos says of a package", () => {
  // As tools/myst/host/dump.c of Mystikos prints it.
  const dump = `product_id=1
security_version=2
debug=0
xfrm=0x00000000000003
num_heap_pages=1
num_stack_pages=1
num_tcs=4
mrenclave=${"ab".repeat(32)}
mrsigner=${"cd".repeat(32)}
signature=${"ef".repeat(384)}
Package configuration:
{
debug=1
}`;

  test("is read, and its configuration's words are not taken for it", () => {
    expect(parseIdentity(dump)).toEqual({
      mrenclave: "ab".repeat(32),
      mrsigner: "cd".repeat(32),
      productId: 1,
      securityVersion: 2,
      debug: false,
    });
    expect(parseIdentity(dump.replace("debug=0", "debug=1")).debug).toBe(true);
  });

  test.each([
    ["mrsigner", "ef".repeat(32)],
    ["productId", 2],
    ["securityVersion", 1],
    ["debug", true],
  ])("is held against what was asked for: %s", (name, value) => {
    const wanted = parseIdentity(dump);
    expect(differencesFrom(wanted, wanted)).toEqual([]);
    expect(differencesFrom(wanted, { ...wanted, [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name}: expected .*; got ${value}$`, "u")),
    ]);
  });

  test.each(["product_id=1", "security_version=2", `mrenclave=${"ab".repeat(32)}`, "debug=0"])(
    "is not made up where %s is missing or no such value",
    (line) => {
      expect(() => parseIdentity(dump.replace(line, ""))).toThrow("expected");
      expect(() => parseIdentity(dump.replace(line, `${line.split("=")[0] ?? ""}=?`))).toThrow(
        "expected",
      );
    },
  );
});
