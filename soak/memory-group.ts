import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A memory control group (cgroups(7)): the kernel kills a process in it that needs more than the limit. */
export interface MemoryGroup {
  /** The start of a command that runs the rest of it in the group. */
  wrapper: readonly string[];
  read(): Promise<MemoryUse>;
  /** Removes the group. Call it after the process has ended. */
  remove(): Promise<void>;
}

export interface MemoryUse {
  /** Peak of the process's pages and of cached files, which the kernel drops when memory is short. */
  peakBytes: number;
  /** How often the limit was reached and the kernel had to reclaim memory. */
  limitHits: number;
  kills: number;
}

/** The files of one version of control groups. */
interface Interface {
  /** Files and their values for a limit in bytes; not all systems have those with `isOptional`. */
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

/** Creates a memory group. @throws Error without the rights or the memory controller for it */
export async function makeMemoryGroup(bytes: number): Promise<MemoryGroup> {
  const { parent, version } = await findOwnGroup();
  const folder = join(parent, `confml-soak-${process.pid}`);
  await mkdir(folder);
  const read = async ({ file, pattern }: Interface["hits"]): Promise<number> =>
    Number(pattern.exec(await readFile(join(folder, file), "utf8"))?.[1] ?? 0);
  const remove = async (): Promise<void> => {
    // The kernel may still count a process that has just ended.
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

/** Finds the group below which a new one can be created: this process's own or, in version 2, its parent. */
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
