import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { debianComponents } from "../../scripts/sbom/debian.js";
import { projectFolder } from "../helpers/server-process.js";

const lockFile = readFileSync(join(projectFolder, "appdir/packages.lock"), "utf8");
const script = join(projectFolder, "build/scripts/sbom/main.js");

/** What CycloneDX 1.5 demands of the parts that are in here. */
const hexDigits = { "SHA-1": 40, "SHA-256": 64, "SHA-384": 96, "SHA-512": 128 };
const hash = z
  .strictObject({
    alg: z.enum(["SHA-1", "SHA-256", "SHA-384", "SHA-512"]),
    content: z.string().regex(/^[0-9a-f]+$/),
  })
  .refine(({ alg, content }) => content.length === hexDigits[alg]);
const component = z.looseObject({
  "bom-ref": z.string().min(1),
  type: z.enum(["application", "library"]),
  name: z.string().min(1),
  version: z.string().min(1),
  scope: z.enum(["required", "optional"]),
  purl: z.string().regex(/^pkg:(?:npm|deb)\/[\w%./-]+@[\w%.:~-]+(?:\?[\w=&]+)?$/),
  hashes: z.array(hash).min(1),
});
const bom = z.strictObject({
  $schema: z.literal("http://cyclonedx.org/schema/bom-1.5.schema.json"),
  bomFormat: z.literal("CycloneDX"),
  specVersion: z.literal("1.5"),
  serialNumber: z
    .string()
    .regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
  version: z.literal(1),
  metadata: z.looseObject({
    timestamp: z.iso.datetime(),
    component: component.partial({ hashes: true }),
  }),
  components: z.array(component),
  dependencies: z.array(z.strictObject({ ref: z.string(), dependsOn: z.array(z.string()) })),
});

describe("the bill of materials", () => {
  let folder = "";
  let text = "";
  let document: z.infer<typeof bom>;

  function make(name: string, epoch = "1700000000"): string {
    const out = join(folder, name);
    const env = { ...process.env, SOURCE_DATE_EPOCH: epoch };
    execFileSync(process.execPath, [script, out], { env, cwd: tmpdir(), stdio: "pipe" });
    return readFileSync(out, "utf8");
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "confml-sbom-"));
    text = make("new folder/sbom.json");
    document = bom.parse(JSON.parse(text));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const named = (name: string): (typeof document.components)[number][] =>
    document.components.filter((one) => one.name === name);

  test("is the same, byte for byte, when made again", () => {
    expect(make("again.json")).toBe(text);
  });

  test("has another serial number where anything in it is another", () => {
    const other = bom.parse(JSON.parse(make("later.json", "1700000001")));
    expect(other.metadata.timestamp).toBe("2023-11-14T22:13:21.000Z");
    expect(other.serialNumber).not.toBe(document.serialNumber);
    expect(other.components).toEqual(document.components);
  });

  test("is about confml, wherever it is checked out", () => {
    const { name, type, purl } = document.metadata.component;
    expect([name, type]).toEqual(["@confml/confml", "application"]);
    expect(purl).toMatch(/^pkg:npm\/%40confml\/confml@/);
  });

  test("holds every production dependency at its version, and nothing of the development's", () => {
    const file = z
      .looseObject({
        dependencies: z.record(z.string(), z.string()),
        devDependencies: z.record(z.string(), z.string()),
      })
      .parse(JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")));
    for (const [name, version] of Object.entries(file.dependencies)) {
      expect(named(name).map((one) => one.version)).toContain(version);
    }
    expect(named("express")).toHaveLength(1);
    expect(named("onnxruntime-node")).toHaveLength(1);
    expect(Object.keys(file.devDependencies)).toContain("jest");
    expect(Object.keys(file.devDependencies).filter((name) => named(name).length > 0)).toEqual([]);
  });

  test("holds the native packages of the TEE's platform alone", () => {
    const native = document.components
      .map(({ name }) => name)
      .filter((name) => /x64|arm|wasm|win32/.test(name));
    expect(native).toEqual([
      "@img/sharp-libvips-linuxmusl-x64",
      "@img/sharp-linuxmusl-x64",
      "@koromix/koffi-linux-x64",
    ]);
  });

  test("holds every Debian package of the lock file with its hash", () => {
    const lines = lockFile.split("\n").filter((line) => /^[^#]/.test(line));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const [name = "", version = "", content] = line.split(" ");
      expect(named(name)).toEqual([
        expect.objectContaining({ version, hashes: [{ alg: "SHA-256", content }] }),
      ]);
    }
  });

  test("names each component once, and lets nothing hang in the air", () => {
    const references = document.components.map((one) => one["bom-ref"]);
    const root = document.metadata.component["bom-ref"];
    expect(new Set(document.components.map(({ purl }) => purl)).size).toBe(references.length);
    expect(new Set([...references, root]).size).toBe(references.length + 1);
    const nodes = document.dependencies.map(({ ref }) => ref);
    expect(nodes.sort()).toEqual([...references, root].sort());
    const needed = new Set(document.dependencies.flatMap(({ dependsOn }) => dependsOn));
    expect([...needed].sort()).toEqual([...references].sort());
  });
});

describe("a Debian package's URL", () => {
  const sha256 = "0".repeat(64);

  test("is percent-encoded, but for the epoch's colon", () => {
    const path = "pool/main/x/x/libx++_1.2+dfsg~1_all.deb";
    const [one] = debianComponents(`# a remark\n\nlibx++ 1:1.2+dfsg~1 ${sha256} ${path}\n`);
    expect(one?.purl).toBe("pkg:deb/debian/libx%2B%2B@1:1.2%2Bdfsg~1?arch=all&distro=trixie");
  });

  test.each([
    `libx 1.0 ${sha256}`,
    "libx 1.0 abc pool/x_1.0_all.deb",
    `libx ${sha256} x_1_all.deb`,
  ])("is not made up from the line %s", (line) => {
    expect(() => debianComponents(line)).toThrow("expected");
  });
});
