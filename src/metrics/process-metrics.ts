import { Counter, Histogram, collectDefaultMetrics, type Registry } from "prom-client";

export interface ProcessMetricsOptions {
  /** Figures that the system does not report, or not correctly (`unreported` of platform.ts). */
  unreliable: readonly string[];
  /** Processor time of this process so far, in microseconds. Default: `process.cpuUsage()`. */
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
 * Gauges of prom-client's that are named as counters are, `_total`. The same numbers by type, without that ending, stay
 * (prometheus.io/docs/practices/naming).
 */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];
/** prom-client's kinds of garbage collection. */
const collections = ["major", "minor", "incremental", "weakcb"];

/**
 * Registers the process metrics: memory, processor time and event loop lag, under prom-client's usual names, which
 * dashboards expect. Those that the system does not report correctly are left out.
 */
export function collectProcessMetrics(registry: Registry, options: ProcessMetricsOptions): void {
  const { unreliable, processorTime = () => process.cpuUsage() } = options;
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const collected = registry.getSingleMetric("nodejs_gc_duration_seconds");
  if (collected instanceof Histogram) for (const kind of collections) collected.zero({ kind });
  // prom-client's own counters throw if a time decreases, as it does in Mystikos, and with them the whole output fails.
  for (const name of Object.values(timeNames)) registry.removeSingleMetric(name);
  if (unreliable.includes("resident memory")) {
    for (const name of memoryNames) registry.removeSingleMetric(name);
  }
  if (!unreliable.includes("processor time")) collectProcessorTime(registry, processorTime);
}

/** Registers counters of processor time. They are removed as soon as a time decreases: then the system is unreliable. */
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
