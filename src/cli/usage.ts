/** The command's words are off. */
export class UsageError extends Error {}
