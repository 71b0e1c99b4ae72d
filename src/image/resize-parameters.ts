/**
 * Byte offsets of the fields of the parameter struct that resize-kernel.ts writes and assembly/resize.ts reads. Both
 * compile this file, so an offset cannot differ between them. Every field is a little-endian int32. A field whose name
 * ends in `At` is an address in the kernel's memory.
 *
 * "Taps" are the source positions that contribute to one output position: `starts` holds the first one, `counts` how
 * many there are (an int32 for each output position), `weights` the fixed-point weights (`taps` int32 for each output
 * position).
 */

/** Number of columns of the output. The four fields after it describe their taps. */
export const columns = 0;
export const columnStartsAt = 4;
export const columnCountsAt = 8;
export const columnWeightsAt = 12;
export const columnTaps = 16;

/** Number of rows of the output. The four fields after it describe their taps. */
export const rows = 20;
export const rowStartsAt = 24;
export const rowCountsAt = 28;
export const rowWeightsAt = 32;
export const rowTaps = 36;

/** Size of an output row in bytes: `3 × columns` rounded up to a multiple of 16. */
export const rowBytes = 40;
/** The source rows of one call of `addRows`. */
export const sourceAt = 44;
/** One source row at the output's width: `rowBytes` bytes, and 4 more that may be written. */
export const narrowAt = 48;
/** `rows × rowBytes` int32: the sums of the output's samples. */
export const sumsAt = 52;
/** `rows × rowBytes` bytes: the output. */
export const resultAt = 56;

/** Size of the struct in bytes. */
export const parameterBytes = 60;
