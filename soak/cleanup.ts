type Action = () => Promise<void>;

/** The newest last. */
const pending: Action[] = [];

/**
 * Has something done once, at the latest when the process ends: a server stopped, a folder removed.
 *
 * @returns does it now
 */
export function onEnd(action: Action): Action {
  const once = async (): Promise<void> => {
    const index = pending.indexOf(once);
    if (index < 0) return;
    pending.splice(index, 1);
    await action();
  };
  pending.push(once);
  return once;
}

/** Does all that is not done yet, the newest first. */
export async function endAll(): Promise<void> {
  for (let action = pending.at(-1); action !== undefined; action = pending.at(-1)) await action();
}
