import { loadKoffi } from "./koffi.js";

/** Event bits of poll(2), from Linux' poll.h. */
const events = { out: 0x4, error: 0x8, hangUp: 0x10, invalid: 0x20 } as const;
/** The size of a `struct pollfd`, and where its fields lie: int fd; short events; short revents. */
const pollfd = { bytes: 8, events: 4, revents: 6 } as const;

/** @returns whether a write of a few kilobytes to the descriptor would succeed or fail now, without waiting for a reader */
export type CanWrite = (fd: number) => boolean;

/**
 * Prepares poll(2) ahead of its use: a process that has to end may not be able to load a library any more.
 *
 * @returns undefined if the platform has no poll, or no koffi
 */
export async function preparePoll(): Promise<CanWrite | undefined> {
  try {
    const koffi = await loadKoffi();
    const poll = koffi.load(null).func("int poll(void *fds, unsigned long nfds, int timeout)");
    return (fd) => {
      const fds = Buffer.alloc(pollfd.bytes);
      fds.writeInt32LE(fd);
      fds.writeInt16LE(events.out, pollfd.events);
      poll(fds, 1, 0);
      const { out, error, hangUp, invalid } = events;
      return (fds.readInt16LE(pollfd.revents) & (out | error | hangUp | invalid)) !== 0;
    };
  } catch {
    return undefined;
  }
}
