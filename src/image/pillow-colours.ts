/**
 * Conversions that Pillow does unlike libvips. Models are trained on what Pillow makes of a file, so
 * its results count here, not colour science.
 */

/**
 * `convert("RGB")` of mode CMYK (cmyk2rgb in Pillow's Convert.c): 255 − K, less ink in proportion,
 * with its rounding division by 255.
 *
 * @param cmyk four bytes per pixel, 255 is full ink
 */
export function cmykToRgb(cmyk: Buffer): Buffer {
  const rgb = Buffer.allocUnsafe((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const light = 255 - (cmyk[from + 3] ?? 0);
    for (let channel = 0; channel < 3; channel += 1, to += 1) {
      const product = (cmyk[from + channel] ?? 0) * light + 128;
      rgb[to] = light - (((product >> 8) + product) >> 8);
    }
  }
  return rgb;
}

/**
 * `convert("RGB")` of modes I and I;16: everything over 255 is white. Pillow does not scale, and so
 * neither did whoever trained on such pictures.
 *
 * @param grey one 16-bit value per pixel, in this machine's byte order
 */
export function clipGrey16ToRgb(grey: Buffer): Buffer {
  const values = new Uint16Array(grey.buffer, grey.byteOffset, grey.length / 2);
  const rgb = Buffer.allocUnsafe(values.length * 3);
  values.forEach((value, index) => rgb.fill(Math.min(value, 255), index * 3, index * 3 + 3));
  return rgb;
}
