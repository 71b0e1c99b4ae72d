/** Shows progress on one line of standard error, if that is a terminal. */
export function showProgress(doing: string, done: number, of: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${doing}: ${done} of ${of}`);
}

/** Clears the line of progress. */
export function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
