import type { FairSlots } from "./fair-slots.js";

export interface Room {
  /** The queues that share the limit. */
  queues: readonly FairSlots[];
  /** Claims that may wait in all queues together. */
  maxWaiting: number;
  /** The client of the claim that is to be added. */
  client: string;
  /**
   * Asked where a client without a claim finds each client in the queues with one: whether it takes the place of one of them,
   * drawn at random. Without it, as many clients as there are places could keep all others out.
   */
  replacesEqual?: () => boolean;
}

/**
 * If the queues are full, dismisses the newest waiting claim of the client that has most.
 *
 * @param refusal what the dismissed claim is rejected with
 * @throws `refusal` unless another client has at least two waiting claims more than this one, or `replacesEqual` says so
 */
export function makeRoom(
  { queues, maxWaiting, client, replacesEqual = () => false }: Room,
  refusal: Error,
): void {
  const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0);
  if (waiting < maxWaiting) return;
  const counts = new Map<string, number>();
  for (const queue of queues) {
    for (const [name, count] of queue.waitingByClient) {
      counts.set(name, (counts.get(name) ?? 0) + count);
    }
  }
  const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [client, 0]);
  const own = counts.get(client) ?? 0;
  if (count > own + 1) {
    queues.some((queue) => queue.dismiss(most, refusal));
    return;
  }
  if (own > 0 || !replacesEqual()) throw refusal;
  const others = [...counts.keys()];
  const victim = others[Math.floor(Math.random() * others.length)] ?? most;
  queues.some((queue) => queue.dismiss(victim, refusal));
}
