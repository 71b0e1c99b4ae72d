/** Where people watch, a line on standard error that is written over. */
export function showProgress(doing: string, done: number, of: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${doing}: ${done} of ${of}`);
}

export function endProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
}
