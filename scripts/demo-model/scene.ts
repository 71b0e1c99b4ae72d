import { drawBackground, type Size } from "./background.js";
import type { Subject } from "./classes.js";
import type { Random } from "../random.js";
import {
  anyColour,
  circle,
  element,
  ellipse,
  fade,
  group,
  hsl,
  lighter,
  line,
  path,
  rectangle,
} from "./svg.js";

const shortSidePixels = { low: 280, high: 370 };
const maxLongSidePixels = 480;
/** Subjects are drawn into a box of this many units in each direction from the centre. */
const subjectReach = 100;

/** One scene: its size in pixels and its SVG document. */
export interface Scene extends Size {
  readonly svg: string;
}

function chooseSize(random: Random): Size {
  const short = Math.round(random.between(shortSidePixels.low, shortSidePixels.high));
  const long = Math.min(maxLongSidePixels, Math.round(short * random.between(1, 1.5)));
  return random.chance(0.6) ? { width: long, height: short } : { width: short, height: long };
}

function debris(random: Random, radius: number): string {
  const colour = anyColour(random);
  switch (random.integer(0, 4)) {
    case 0:
      return circle(0, 0, radius, colour);
    case 1:
      return rectangle(-radius, -radius * 0.7, 2 * radius, 1.4 * radius, colour, { rx: 4 });
    case 2:
      return path(`M 0 ${-radius} L ${radius} ${radius} L ${-radius} ${radius * 0.6} Z`, colour);
    case 3: {
      const tip = `${radius * 1.6} 0`;
      const side = radius * 0.9;
      return path(`M 0 0 Q ${radius} ${-side} ${tip} Q ${radius} ${side} 0 0 Z`, colour);
    }
    default:
      return line(`M ${-radius} 0 Q 0 ${-radius} ${radius} 0`, colour, radius * 0.4);
  }
}

function scatter(
  random: Random,
  size: Size,
  count: number,
  smallest: number,
  largest: number,
): string {
  return random.repeat(count, () => {
    const x = random.between(0, size.width);
    const y = random.between(0, size.height);
    const content = debris(random, random.between(smallest, largest));
    return group(`translate(${x} ${y}) rotate(${random.between(0, 360)})`, content);
  });
}

function grassBlades(random: Random, size: Size): string {
  const green = hsl(random.between(80, 130), 50, random.between(28, 48));
  const reach = size.height * random.between(0.06, 0.2);
  return random.repeat(random.integer(10, 30), () => {
    const x = random.between(0, size.width);
    const lean = random.between(-20, 20);
    const top = size.height - reach * random.between(0.5, 1);
    const blade = `M ${x - 4} ${size.height} Q ${x} ${top + 20} ${x + lean} ${top}`;
    return path(
      `${blade} Q ${x + 4} ${top + 24} ${x + 5} ${size.height} Z`,
      lighter(green, lean / 3),
    );
  });
}

function inTheWay(random: Random, size: Size): string {
  const { width, height } = size;
  switch (random.integer(0, 2)) {
    case 0:
      return grassBlades(random, size);
    case 1: {
      const x = width * random.between(0.1, 0.9);
      return line(`M ${x} 0 L ${x + random.between(-60, 60)} ${height}`, anyColour(random), 9);
    }
    default:
      return scatter(random, size, random.integer(1, 3), 10, 26);
  }
}

function shadow(random: Random, subject: Subject, stretch: number): string {
  if (subject.groundUnits === undefined || random.chance(0.3)) return "";
  const reach = random.between(60, 95) * stretch;
  return ellipse(random.between(-8, 8), subject.groundUnits / stretch, reach, 8, "#101018", {
    "fill-opacity": random.between(0.15, 0.35),
  });
}

function placeSubject(random: Random, size: Size, subject: Subject): string {
  const short = Math.min(size.width, size.height);
  const scale = (short * random.between(0.52, 0.86)) / (2 * subjectReach);
  const stretch = random.between(0.88, 1.14);
  const flip = random.pick([-1, 1]);
  const x = size.width / 2 + short * random.between(-0.08, 0.08);
  const y = size.height / 2 + short * random.between(-0.07, 0.07);
  const turn = random.between(-subject.tiltDegrees, subject.tiltDegrees);
  const skew = random.between(-7, 7);
  const outlined = random.chance(0.5);
  const outline = outlined
    ? { stroke: "#1d1a20", "stroke-width": random.between(0.8, 2.6), "stroke-linejoin": "round" }
    : {};
  const place = `translate(${x} ${y}) scale(${scale})`;
  const pose = `scale(${flip * stretch} ${1 / stretch}) rotate(${turn}) skewX(${skew})`;
  return group(
    place,
    shadow(random, subject, stretch),
    element("g", outline, group(pose, subject.draw(random))),
  );
}

function light(random: Random, size: Size): string {
  const glow = hsl(random.pick([30, 45, 210]), 80, 85);
  const dark = hsl(230, 40, 8);
  const strength = random.between(0, 0.3);
  const tint = rectangle(0, 0, size.width, size.height, anyColour(random), {
    "fill-opacity": random.between(0, 0.13),
  });
  return (
    tint +
    fade("light", size, random.between(0, 360), [
      [glow, strength],
      [glow, 0],
      [dark, random.between(0, 0.42)],
    ])
  );
}

/** Composes a picture of the subject: background, clutter, the subject, and the light on them. */
export function composeScene(random: Random, subject: Subject): Scene {
  const size = chooseSize(random);
  const clutter = random.chance(0.5) ? random.integer(1, 6) : 0;
  const content = [
    drawBackground(random, size),
    scatter(random, size, clutter, 8, 34),
    placeSubject(random, size, subject),
    random.chance(0.35) ? inTheWay(random, size) : "",
    light(random, size),
  ].join("");
  const { width, height } = size;
  const attributes = { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}` };
  return { ...size, svg: element("svg", { ...attributes, width, height }, content) };
}
