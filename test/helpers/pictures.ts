import sharp, { type Sharp } from "sharp";

/** The colours that the model test/fixtures/models/colours.onnx recognises. */
export const colours = { red: "#ff0000", green: "#00ff00", blue: "#0000ff" } as const;

/** A picture of one colour, not yet encoded. */
export function flat(colour: keyof typeof colours, width = 60, height = 40): Sharp {
  return sharp({ create: { width, height, channels: 3, background: colours[colour] } });
}
