/**
 * Conversions whose results differ between Pillow and libvips. Models are trained on pictures that Pillow decoded, so
 * these functions compute Pillow's results.
 */

/**
 * Converts CMYK to RGB, as Pillow's `convert("RGB")` does for mode CMYK (cmyk2rgb in Convert.c): with `light = 255 − K`,
 * each channel is `light − ink × light / 255`, where the division rounds.
 *
 * @param cmyk four bytes per pixel, 255 is full ink
 * @param rgb gets three bytes per pixel
 */
export function cmykToRgb(cmyk: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const light = 255 - (cmyk[from + 3] ?? 0);
    for (let channel = 0; channel < 3; channel += 1, to += 1) {
      const product = (cmyk[from + channel] ?? 0) * light + 128;
      rgb[to] = light - (((product >> 8) + product) >> 8);
    }
  }
}

/**
 * Converts grey to RGB, as Pillow's `convert("RGB")` does for mode L.
 *
 * @param grey one byte per pixel
 * @param rgb gets three bytes per pixel
 */
export function greyToRgb(grey: Uint8Array, rgb: Uint8Array): void {
  for (let from = 0, to = 0; from < grey.length; from += 1, to += 3) {
    const value = grey[from] ?? 0;
    rgb[to] = value;
    rgb[to + 1] = value;
    rgb[to + 2] = value;
  }
}
