export interface DebianComponent {
  "bom-ref": string;
  type: "library";
  name: string;
  version: string;
  scope: "required";
  purl: string;
  hashes: { alg: "SHA-256"; content: string }[];
}

const distribution = "trixie";
/** `name version sha256 pool/…/name_version_architecture.deb` */
const line = /^(?<name>\S+) (?<version>\S+) (?<sha256>[0-9a-f]{64}) \S+_(?<architecture>\w+)\.deb$/;

/** The components of a lock file of Debian packages; the hashes are those of the .deb files. */
export function debianComponents(lock: string): DebianComponent[] {
  return lock
    .split("\n")
    .filter((text) => text !== "" && !text.startsWith("#"))
    .map((text) => {
      const { name, version, sha256, architecture } = line.exec(text)?.groups ?? {};
      if (!name || !version || !sha256 || !architecture) {
        throw new Error(`expected "name version sha256 path_architecture.deb"; got "${text}"`);
      }
      const purl =
        `pkg:deb/debian/${escape(name)}@${escape(version)}` +
        `?arch=${architecture}&distro=${distribution}`;
      const hashes = [{ alg: "SHA-256" as const, content: sha256 }];
      return { "bom-ref": purl, type: "library", name, version, scope: "required", purl, hashes };
    });
}

/** Percent-encoding as package URLs have it: the colon of a version's epoch stays. */
function escape(text: string): string {
  return encodeURIComponent(text).replaceAll("%3A", ":");
}
