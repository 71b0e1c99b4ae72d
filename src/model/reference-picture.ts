/**
 * The picture that every model is tried with before it serves: numbers from -2 to 2 without a pattern, the
 * same everywhere, so that a manifest can say what the answer to it is.
 *
 * @param length of one picture's tensor: `3 × crop × crop`
 */
export function referencePicture(length: number): Float32Array {
  // Knuth's multiplicative hash of the index.
  return Float32Array.from({ length }, (_, index) => {
    const hash = Math.imul(index + 1, 2_654_435_761) >>> 0;
    return (hash / 2 ** 32) * 4 - 2;
  });
}
