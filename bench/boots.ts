import { pictureName, type Bench } from "./bench.js";
import { runJob } from "./child.js";
import { closedLoopResult } from "./load-result.js";
import type { Results } from "./results.js";
import { readMemory } from "./servers.js";

const loadClients = 32;
const loadSeconds = 3;

/** Measures how long a start takes, with keys and model, and the memory during the start and under load. */
export async function measureBoots({
  options,
  models,
  pictures,
  results,
  progress,
}: Bench): Promise<void> {
  const boots = new Map<string, Results["boots"][number]>();
  for (let round = 1; round <= options.repeats; round += 1) {
    for (const model of models) {
      const { name, bytes: modelBytes } = model;
      const boot = boots.get(name) ?? { variant: name, modelBytes, bootMs: [] };
      boots.set(name, boot);
      const server = await model.start();
      boot.bootMs.push(server.bootMs);
      progress(`boot ${round}: ${name}: ${server.bootMs.toFixed(0)} ms`);
      if (round === options.repeats) {
        const booted = await readMemory(server.pid);
        const job = {
          origin: server.origin,
          file: pictures.plain,
          fileName: pictureName,
          clients: loadClients,
          until: { seconds: options.quick ? 1 : loadSeconds },
          warmUpSeconds: 0,
        };
        await runJob("closed-loop.js", job, closedLoopResult);
        const loaded = await readMemory(server.pid);
        if (booted === undefined || loaded === undefined) {
          results.notes.push(`memory of ${name}: not measured, there is no /proc here`);
        } else {
          boot.bootPeakBytes = booted.peakBytes;
          Object.assign(boot, loaded);
        }
      }
      await server.stop();
    }
  }
  results.boots.push(...boots.values());
}
