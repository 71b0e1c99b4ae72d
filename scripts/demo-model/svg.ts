import type { Random } from "../random.js";

/** A colour as hue (degrees), saturation and lightness (percent). */
export interface Colour {
  readonly hue: number;
  readonly saturation: number;
  readonly lightness: number;
}

/** What a shape may be filled with: a colour, or any SVG paint such as "none" or "url(#id)". */
export type Paint = Colour | string;

/** Further SVG attributes of an element. */
export type Attributes = Readonly<Record<string, string | number>>;

/** Switches off the outline that a picture may give to all its shapes. */
export const noOutline: Attributes = { stroke: "none" };

const white: Colour = { hue: 0, saturation: 0, lightness: 100 };

function format(value: string | number): string {
  return typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
}

function css(paint: Paint): string {
  if (typeof paint === "string") return paint;
  const { hue, saturation, lightness } = paint;
  const percent = (value: number): string => `${format(Math.min(100, Math.max(0, value)))}%`;
  return `hsl(${format((hue + 360) % 360)}, ${percent(saturation)}, ${percent(lightness)})`;
}

/** A colour from its three parts. */
export function hsl(hue: number, saturation: number, lightness: number): Colour {
  return { hue, saturation, lightness };
}

/** The colour made lighter by so many percent (darker when negative). */
export function lighter(colour: Colour, by: number): Colour {
  return { ...colour, lightness: Math.min(97, Math.max(4, colour.lightness + by)) };
}

/** A colour of any hue. */
export function anyColour(random: Random): Colour {
  return hsl(random.between(0, 360), random.between(15, 85), random.between(25, 80));
}

/** One SVG element. */
export function element(name: string, attributes: Attributes, content = ""): string {
  const written = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${format(value)}"`)
    .join("");
  return `<${name}${written}>${content}</${name}>`;
}

/** A group of elements that are moved, turned or scaled together. */
export function group(transform: string, ...content: readonly string[]): string {
  return element("g", { transform }, content.join(""));
}

/** The drawing together with its mirror image on the other side of the vertical axis. */
export function mirrored(content: string): string {
  return content + group("scale(-1 1)", content);
}

/** A filled ellipse. */
export function ellipse(
  cx: number,
  cy: number,
  rx: number,
  ry: number,
  fill: Paint,
  extra: Attributes = {},
): string {
  return element("ellipse", { cx, cy, rx, ry, fill: css(fill), ...extra });
}

/** A filled circle. */
export function circle(
  cx: number,
  cy: number,
  r: number,
  fill: Paint,
  extra: Attributes = {},
): string {
  return element("circle", { cx, cy, r, fill: css(fill), ...extra });
}

/** A filled rectangle; pass `rx` for round corners. */
export function rectangle(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: Paint,
  extra: Attributes = {},
): string {
  return element("rect", { x, y, width, height, fill: css(fill), ...extra });
}

/** A filled path. */
export function path(d: string, fill: Paint, extra: Attributes = {}): string {
  return element("path", { d, fill: css(fill), ...extra });
}

/** An open line with round ends. */
export function line(d: string, colour: Paint, width: number, extra: Attributes = {}): string {
  const pen = { stroke: css(colour), "stroke-width": width, "stroke-linecap": "round" };
  return path(d, "none", { ...pen, "stroke-linejoin": "round", ...extra });
}

/** A soft white spot, where the light is reflected. */
export function highlight(cx: number, cy: number, rx: number, ry: number, opacity: number): string {
  return ellipse(cx, cy, rx, ry, white, { ...noOutline, "fill-opacity": opacity });
}

/** Draws with a fill that is lit from the upper left, which makes a flat shape look round. */
export function shaded(colour: Colour, draw: (fill: string) => string): string {
  const stops: readonly (readonly [string, Colour])[] = [
    ["0%", lighter(colour, 12)],
    ["55%", colour],
    ["100%", lighter(colour, -14)],
  ];
  // Named after its colour, so that definitions with the same name are the same gradient.
  const id = `shade-${css(colour).replaceAll(/[^0-9]+/gu, "-")}`;
  const content = stops
    .map(([offset, stop]) => element("stop", { offset, "stop-color": css(stop) }))
    .join("");
  const gradient = element("radialGradient", { id, cx: "36%", cy: "30%", r: "80%" }, content);
  return gradient + draw(`url(#${id})`);
}

/** A rectangle that fades from one paint to another; `angle` in degrees, 90 is downwards. */
export function fade(
  id: string,
  size: { readonly width: number; readonly height: number },
  angle: number,
  stops: readonly (readonly [Colour, number])[],
): string {
  const content = stops
    .map(([stop, opacity], index) => {
      const offset = index / Math.max(1, stops.length - 1);
      return element("stop", { offset, "stop-color": css(stop), "stop-opacity": opacity });
    })
    .join("");
  const gradientTransform = `rotate(${format(angle)} 0.5 0.5)`;
  return (
    element("linearGradient", { id, gradientTransform }, content) +
    rectangle(0, 0, size.width, size.height, `url(#${id})`)
  );
}
