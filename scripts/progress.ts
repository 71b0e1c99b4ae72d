/** @returns a function that prints a line on standard error, after the seconds since this call */
export function startProgress(): (line: string) => void {
  const start = performance.now();
  return (line) => {
    const seconds = Math.round((performance.now() - start) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${line}\n`);
  };
}
