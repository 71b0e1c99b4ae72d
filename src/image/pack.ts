/** How the model expects a picture's numbers: part of its manifest's section `preprocessing`. */
export interface Normalization {
  /** Order of the colour planes. */
  channels: "RGB" | "BGR";
  /** Mean and standard deviation of values from 0 to 1, in the order of `channels`. */
  mean: readonly number[];
  std: readonly number[];
}

/**
 * Converts a picture's bytes to planes of normalised numbers, as torchvision's `ToTensor` and `Normalize` do:
 * `(byte / 255 - mean) / std`.
 *
 * @param picture `[height, width, 3]` bytes: red, green, blue
 * @param target the batch's tensor; gets `[3, height, width]` in the order of `channels`
 * @param offset index in `target` of the picture's first number
 */
export function packPicture(
  picture: Uint8Array,
  { channels, mean, std }: Normalization,
  target: Float32Array,
  offset: number,
): void {
  const plane = picture.length / 3;
  for (let channel = 0; channel < 3; channel += 1) {
    const source = channels === "RGB" ? channel : 2 - channel;
    const deviation = std[channel] ?? 1;
    const shift = -(mean[channel] ?? 0) / deviation;
    const scale = 1 / (255 * deviation);
    const start = offset + channel * plane;
    for (let pixel = 0; pixel < plane; pixel += 1) {
      target[start + pixel] = (picture[pixel * 3 + source] ?? 0) * scale + shift;
    }
  }
}
