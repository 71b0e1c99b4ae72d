import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A memory control group (cgroups(7)) for one process: the kernel kills it where it needs more. */
export interface MemoryGroup {
  /** Comes before a command, which then runs in the group. */
  wrapper: readonly string[];
  read(): Promise<MemoryUse>;
  /** Once the process has ended. */
  remove(): Promise<void>;
}

export interface MemoryUse {
  /** Of all that is counted: the process' pages, and cached files, which the kernel takes back where room is short. */
  peakBytes: number;
  /** How often the kernel had to take something back. */
  limitHits: number;
  kills: number;
}

/** The files of one version of control groups. */
interface Interface {
  /** File and value for a limit in bytes; those with `isOptional` are not everywhere. */
  limits: (bytes: number) => readonly { file: string; value: string; isOptional?: boolean }[];
  peak: string;
  hits: { file: string; pattern: RegExp };
  kills: { file: string; pattern: RegExp };
}

const second: Interface = {
  limits: (bytes) => [
    { file: "memory.max", value: String(bytes) },
    { file: "memory.swap.max", value: "0", isOptional: true },
  ],
  peak: "memory.peak",
  hits: { file: "memory.events", pattern: /^max (\d+)$/mu },
  kills: { file: "memory.events", pattern: /^oom_kill (\d+)$/mu },
};
const first: Interface = {
  limits: (bytes) => [
    { file: "memory.limit_in_bytes", value: String(bytes) },
    { file: "memory.memsw.limit_in_bytes", value: String(bytes), isOptional: true },
  ],
  peak: "memory.max_usage_in_bytes",
  hits: { file: "memory.failcnt", pattern: /^(\d+)$/mu },
  kills: { file: "memory.oom_control", pattern: /^oom_kill (\d+)$/mu },
};

/** @throws Error where none can be made: no rights, or no memory controller */
export async function makeMemoryGroup(bytes: number): Promise<MemoryGroup> {
  const { parent, version } = await findOwnGroup();
  const folder = join(parent, `confml-soak-${process.pid}`);
  await mkdir(folder);
  const read = async ({ file, pattern }: Interface["hits"]): Promise<number> =>
    Number(pattern.exec(await readFile(join(folder, file), "utf8"))?.[1] ?? 0);
  const remove = async (): Promise<void> => {
    // A process that has just ended may still be counted.
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const isGone = await rmdir(folder).then(
        () => true,
        () => false,
      );
      if (isGone) return;
      await delay(100);
    }
  };
  try {
    for (const { file, value, isOptional = false } of version.limits(bytes)) {
      await writeFile(join(folder, file), value).catch((error: unknown) => {
        if (!isOptional) throw error;
      });
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    wrapper: ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', folder],
    read: async () => ({
      peakBytes: await read({ file: version.peak, pattern: /^(\d+)$/mu }),
      limitHits: await read(version.hits),
      kills: await read(version.kills),
    }),
    remove,
  };
}

/** The group that this process is in: a new one goes under it. */
async function findOwnGroup(): Promise<{ parent: string; version: Interface }> {
  const groups = await readFile("/proc/self/cgroup", "utf8");
  const mounts = await readFile("/proc/self/mounts", "utf8");
  const ownFirst = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/mu.exec(groups)?.[1];
  const mountedFirst = /^\S+ (\S+) cgroup \S*\bmemory\b/mu.exec(mounts)?.[1];
  if (ownFirst !== undefined && mountedFirst !== undefined) {
    return { parent: join(mountedFirst, ownFirst), version: first };
  }
  const own = /^0::(.*)$/mu.exec(groups)?.[1];
  const mounted = /^\S+ (\S+) cgroup2 /mu.exec(mounts)?.[1];
  if (own === undefined || mounted === undefined) throw new Error("there are no control groups");
  // A group with processes cannot have controlled groups under it, unless it is the root.
  const parent = join(mounted, own === "/" ? own : join(own, ".."));
  await writeFile(join(parent, "cgroup.subtree_control"), "+memory");
  return { parent, version: second };
}
