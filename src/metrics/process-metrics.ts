import { Counter, collectDefaultMetrics, type Registry } from "prom-client";

export interface ProcessMetricsOptions {
  /** What the system does not tell truly (platform.ts). */
  untold: readonly string[];
  /** Microseconds of this process so far. */
  processorTime?: () => { user: number; system: number };
}

const memoryNames = [
  "process_resident_memory_bytes",
  "process_virtual_memory_bytes",
  "process_heap_bytes",
];
const timeNames = {
  user: "process_cpu_user_seconds_total",
  system: "process_cpu_system_seconds_total",
  all: "process_cpu_seconds_total",
};

/**
 * The process' own figures: memory, processor time, delay of the event loop, under the names that dashboards know. Those
 * that the system does not tell truly are left out.
 */
export function collectProcessMetrics(registry: Registry, options: ProcessMetricsOptions): void {
  const { untold, processorTime = () => process.cpuUsage() } = options;
  collectDefaultMetrics({ register: registry });
  // prom-client's own fail the whole answer where a time falls, as it does in Mystikos.
  for (const name of Object.values(timeNames)) registry.removeSingleMetric(name);
  if (untold.includes("resident memory")) {
    for (const name of memoryNames) registry.removeSingleMetric(name);
  }
  if (!untold.includes("processor time")) collectProcessorTime(registry, processorTime);
}

/** As long as it never falls: a system where it did does not tell it truly. */
function collectProcessorTime(
  registry: Registry,
  read: () => { user: number; system: number },
): void {
  const registers = [registry];
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  let last = { user: 0, system: 0 };
  const user = new Counter({
    name: timeNames.user,
    help: "Processor time in user mode.",
    registers,
    collect: () => {
      const now = read();
      if (now.user < last.user || now.system < last.system) {
        for (const name of Object.values(timeNames)) registry.removeSingleMetric(name);
        return;
      }
      user.inc((now.user - last.user) / 1e6);
      system.inc((now.system - last.system) / 1e6);
      all.inc((now.user - last.user + now.system - last.system) / 1e6);
      last = now;
    },
  });
  const system = counter(timeNames.system, "Processor time in the kernel.");
  const all = counter(timeNames.all, "Processor time in user mode and in the kernel.");
}
