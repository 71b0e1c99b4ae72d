/**
 * A command of the command line.
 *
 * @param argv the arguments after the command's name
 * @returns the exit code
 * @throws UsageError, CommandError
 */
export type Command = (argv: string[], environment: NodeJS.ProcessEnv) => Promise<number>;
