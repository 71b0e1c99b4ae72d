export interface ClientPeriodsOptions<State> {
  periodMs: number;
  /** Clients that have a state of their own. Others share the state of their group. */
  maxClients: number;
  /**
   * The group of a client: a larger network, such as that of its provider. An attacker with many addresses then takes the
   * shared state of its own group, and not that of all other clients.
   */
  groupOf: (client: string) => string;
  /** The state at the beginning of a period. */
  create: () => State;
  onEnd?: (state: State) => void;
  /** A monotonic clock in milliseconds. */
  now: () => number;
}

interface Period<State> {
  until: number;
  state: State;
}

/** Groups that have a state of their own. All clients of further groups share one. */
const mostGroups = 65_536;
const otherClients = "(others)";

/** A state for each client, which ends with a period. The number of states is bounded. */
export class ClientPeriods<State> {
  readonly #options: ClientPeriodsOptions<State>;
  /** By client, the one that ends first at the beginning. */
  readonly #periods = new Map<string, Period<State>>();

  constructor(options: ClientPeriodsOptions<State>) {
    this.#options = options;
  }

  /** The client's period; it begins now where there is none. `until` is in milliseconds of the clock. */
  current(client: string): Readonly<Period<State>> {
    this.#expire();
    const name = this.#nameOf(client);
    const present = this.#periods.get(name);
    if (present !== undefined) return present;
    const { create, now, periodMs } = this.#options;
    const period = { until: now() + periodMs, state: create() };
    this.#periods.set(name, period);
    return period;
  }

  /** The state of the client's period, which ends a whole period from now. */
  extended(client: string): State {
    const { state } = this.current(client);
    const { now, periodMs } = this.#options;
    const name = this.#nameOf(client);
    // Deleted before, it moves to the end of the map.
    this.#periods.delete(name);
    this.#periods.set(name, { until: now() + periodMs, state });
    return state;
  }

  #nameOf(client: string): string {
    const { maxClients, groupOf } = this.#options;
    if (this.#periods.has(client) || this.#periods.size < maxClients) return client;
    const group = `${otherClients} ${groupOf(client)}`;
    const isFull = this.#periods.size >= maxClients + mostGroups;
    return this.#periods.has(group) || !isFull ? group : otherClients;
  }

  #expire(): void {
    const time = this.#options.now();
    for (const [client, { until, state }] of this.#periods) {
      if (time < until) return;
      this.#periods.delete(client);
      this.#options.onEnd?.(state);
    }
  }
}
