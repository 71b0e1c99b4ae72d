type Action = () => Promise<void>;

/** The newest last. */
const pending: Action[] = [];

/**
 * Registers a clean-up, such as stopping a server or removing a folder, for `endAll`.
 *
 * @returns a function that does it now; it is done once only
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

/** Does all registered clean-ups that are not done yet, the newest first. */
export async function endAll(): Promise<void> {
  for (let action = pending.at(-1); action !== undefined; action = pending.at(-1)) await action();
}
