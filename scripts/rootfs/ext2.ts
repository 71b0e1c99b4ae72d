import { execFile } from "node:child_process";
import { lstat, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Always the same: there is nothing in the image that these must tell apart. */
const identity = {
  uuid: "636f6e66-6d6c-8000-8000-000000000002",
  hashSeed: "636f6e66-6d6c-8000-8000-000000000003",
  /** 2026-01-01, as scripts/appdir.sh has it. */
  time: "1767225600",
} as const;

const megabyte = 1024 * 1024;
const leastBytes = 8 * megabyte;
/** What `myst mkext2` leaves free, so that the server can write. */
const spare = 1.5;
const blockBytes = 4096;

/**
 * Makes an ext2 image of a folder, as `myst mkext2` does, but the same bytes whoever makes it, wherever and
 * whenever: no random identifiers, no times, no owners, no attributes of the host's, and one version of
 * mke2fs.
 *
 * @param tools where scripts/debian/fetch.sh has unpacked appdir/image.lock
 */
export async function makeExt2(folder: string, image: string, tools: string): Promise<void> {
  const entries = await listEntries(folder);
  await rm(image, { force: true });
  await writeFile(image, "", { mode: 0o644 });
  await truncate(image, imageBytes(entries));
  await runTool(tools, "mke2fs", [
    ...["-q", "-F", "-U", identity.uuid],
    ...["-E", `hash_seed=${identity.hashSeed},root_owner=0:0,no_copy_xattrs`],
    ...["-d", folder, image],
  ]);
  await anonymise(entries, image, tools);
}

interface Entry {
  /** Path relative to the folder. */
  path: string;
  bytes: number;
}

async function listEntries(folder: string): Promise<Entry[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const bytes = entry.isFile() ? (await lstat(path)).size : 0;
      return { path: relative(folder, path), bytes };
    }),
  );
}

/** Computes the image's size from the files only, because the size of a folder depends on the file system. */
function imageBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += (Math.ceil(entry.bytes / blockBytes) + 1) * blockBytes;
  return Math.max(leastBytes, Math.ceil((bytes * spare) / megabyte) * megabyte);
}

/** What the builder's machine knows of a file besides its content, name and mode: it would be measured. */
const anonymous = [
  ["uid", "0"],
  ["gid", "0"],
  ...["atime", "ctime", "mtime", "crtime"].map((field) => [field, `@${identity.time}`]),
] as const;

async function anonymise(entries: readonly Entry[], image: string, tools: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "confml-rootfs-"));
  try {
    const commands = ["", ...entries.map(({ path }) => path)].flatMap((path) =>
      anonymous.map(([field, value]) => `set_inode_field "/${path}" ${field} ${value}`),
    );
    // The folder's own mode is its maker's: mkdtemp's 0700, a container engine's 0555.
    commands.push('set_inode_field "/" mode 040755');
    const file = join(scratch, "commands");
    await writeFile(file, `${commands.join("\n")}\n`);
    const { stderr } = await runTool(tools, "debugfs", ["-w", "-f", file, image]);
    // It goes on after a command that failed, and ends with 0.
    const complaint = stderr
      .split("\n")
      .find((line) => line !== "" && !line.startsWith("debugfs "));
    if (complaint !== undefined) throw new Error(`debugfs: ${complaint}`);
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** Runs a tool of Debian trixie with trixie's C library, so that it runs on any system. */
async function runTool(
  tools: string,
  name: string,
  options: readonly string[],
): Promise<{ stderr: string }> {
  const libraries = join(tools, "usr/lib/x86_64-linux-gnu");
  const loader = join(libraries, "ld-linux-x86-64.so.2");
  return run(loader, ["--library-path", libraries, join(tools, "usr/sbin", name), ...options], {
    env: {
      MKE2FS_CONFIG: join(tools, "etc/mke2fs.conf"),
      SOURCE_DATE_EPOCH: identity.time,
      DEBUGFS_PAGER: "cat",
      LC_ALL: "C",
    },
    maxBuffer: 64 * megabyte,
  });
}
