import { createHash } from "node:crypto";
import { z } from "zod";
import { debianComponents } from "./debian.js";

const component = z.looseObject({ "bom-ref": z.string(), purl: z.string() });
const document = z.looseObject({
  metadata: z.looseObject({ component: component.extend({ name: z.string() }) }),
  components: z.array(component),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()) })),
});
const lockedPackage = z.looseObject({
  name: z.string().optional(),
  version: z.string().optional(),
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
  dev: z.boolean().optional(),
  integrity: z.string().optional(),
});
const packageLock = z.looseObject({
  name: z.string(),
  packages: z.record(z.string(), lockedPackage),
});
type Packages = z.infer<typeof packageLock>["packages"];

/** What the TEE runs on: the C library in it is musl. */
const tee = { os: "linux", cpu: "x64", libc: "musl" } as const;

export interface SbomInputs {
  /** What `npm sbom --package-lock-only --omit dev` printed: the packages of every platform. */
  npm: unknown;
  packageLock: unknown;
  debianLock: string;
  date: Date;
}

/**
 * The software in the TEE as CycloneDX 1.5 in JSON: npm packages of its platform, and Debian's. The same
 * inputs give the same bytes; npm alone writes the time, a random serial number and its folder's name.
 */
export function composeSbom(inputs: SbomInputs): string {
  const bom = document.parse(inputs.npm);
  const lock = packageLock.parse(inputs.packageLock);
  const debian = debianComponents(inputs.debianLock);
  const root = bom.metadata.component;
  const kept = reachable(root["bom-ref"], bom.dependencies, foreign(lock.packages));
  const hashes = sha512(lock.packages);
  // npm describes one of the packages of a name and version, which may be one inside a development tool's
  // own package: without a hash, and "extraneous".
  const npm = bom.components
    .filter((one) => kept.has(one["bom-ref"]))
    .map((one) => ({ ...one, properties: [], hashes: [hashOf(one["bom-ref"], hashes)] }));
  const dependencies = bom.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn }) => ({
      ref,
      dependsOn: [
        ...dependsOn.filter((other) => kept.has(other)),
        ...(ref === root["bom-ref"] ? debian.map((one) => one["bom-ref"]) : []),
      ].sort(),
    }));
  const content = {
    ...bom,
    serialNumber: "",
    metadata: {
      ...bom.metadata,
      timestamp: inputs.date.toISOString(),
      component: { ...root, name: lock.name, type: "application" },
    },
    components: [...npm, ...debian].sort((one, other) =>
      one["bom-ref"] < other["bom-ref"] ? -1 : 1,
    ),
    dependencies: [
      ...dependencies,
      ...debian.map((one) => ({ ref: one["bom-ref"], dependsOn: [] })),
    ].sort((one, other) => (one.ref < other.ref ? -1 : 1)),
  };
  content.serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** The references of packages that are not for the TEE's platform. */
function foreign(packages: Packages): Set<string> {
  const references = new Set<string>();
  for (const [path, locked] of Object.entries(packages)) {
    const { os = [tee.os], cpu = [tee.cpu], libc = [tee.libc] } = locked;
    if (os.includes(tee.os) && cpu.includes(tee.cpu) && libc.includes(tee.libc)) continue;
    references.add(reference(path, locked));
  }
  return references;
}

/** The hashes of the packages' archives, as hexadecimal, by reference. */
function sha512(packages: Packages): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [path, locked] of Object.entries(packages)) {
    const base64 = /^sha512-(\S+)$/.exec(locked.integrity ?? "")?.[1];
    if (base64 === undefined || locked.dev === true) continue;
    hashes.set(reference(path, locked), Buffer.from(base64, "base64").toString("hex"));
  }
  return hashes;
}

function hashOf(
  ref: string,
  hashes: ReadonlyMap<string, string>,
): { alg: string; content: string } {
  const content = hashes.get(ref);
  if (content === undefined) throw new Error(`${ref}: expected a SHA-512 in package-lock.json`);
  return { alg: "SHA-512", content };
}

/** npm's reference of the package at a path of its lock file. */
function reference(path: string, locked: z.infer<typeof lockedPackage>): string {
  const folder = "node_modules/";
  const name = locked.name ?? path.slice(path.lastIndexOf(folder) + folder.length);
  return `${name}@${locked.version ?? ""}`;
}

function reachable(
  root: string,
  dependencies: readonly { ref: string; dependsOn: readonly string[] }[],
  without: ReadonlySet<string>,
): Set<string> {
  const edges = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const seen = new Set([root]);
  // A set's iteration goes on to what is added on the way.
  for (const ref of seen) {
    for (const other of edges.get(ref) ?? []) if (!without.has(other)) seen.add(other);
  }
  return seen;
}

/** A UUID that follows from the content: version 8 (RFC 9562, section 5.8) of its SHA-256. */
function uuidOf(content: string): string {
  const bytes = createHash("sha256").update(content).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
