/**
 * Creates the input of every model's trial run: pseudorandom numbers from -2 to 2, always the same, so that a manifest
 * can state the expected answer.
 *
 * @param length number of values in one picture's tensor: `3 × crop × crop`
 */
export function referencePicture(length: number): Float32Array {
  // Knuth's multiplicative hash of the index.
  return Float32Array.from({ length }, (_, index) => {
    const hash = Math.imul(index + 1, 2_654_435_761) >>> 0;
    return (hash / 2 ** 32) * 4 - 2;
  });
}
