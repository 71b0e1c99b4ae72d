import type { NonEmpty, Random } from "../random.js";
import {
  noOutline,
  anyColour,
  circle,
  ellipse,
  fade,
  group,
  hsl,
  lighter,
  line,
  path,
  rectangle,
  type Colour,
} from "./svg.js";

/** The size of a picture, in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

type Background = (random: Random, size: Size) => string;

function studio(random: Random, size: Size): string {
  const colour = anyColour(random);
  return fade("backdrop", size, random.between(0, 180), [
    [lighter(colour, 14), 1],
    [lighter(colour, -10), 1],
  ]);
}

function sky(random: Random, size: Size): string {
  const blue = hsl(random.between(190, 225), random.between(45, 80), random.between(55, 76));
  const dusk = hsl(random.between(15, 50), 80, 78);
  const cloud = (): string => {
    const x = random.between(0, size.width);
    const y = random.between(0, size.height * 0.4);
    const reach = size.width * random.between(0.04, 0.1);
    const puff = { ...noOutline, "fill-opacity": random.between(0.5, 0.9) };
    return (
      ellipse(x, y, reach * 1.5, reach * 0.6, "white", puff) +
      circle(x - reach * 0.4, y - reach * 0.4, reach * 0.6, "white", puff) +
      circle(x + reach * 0.4, y - reach * 0.3, reach * 0.5, "white", puff)
    );
  };
  return (
    fade("sky", size, 90, [
      [blue, 1],
      [random.chance(0.25) ? dusk : lighter(blue, 20), 1],
    ]) + random.repeat(random.integer(0, 4), cloud)
  );
}

function meadow(random: Random, size: Size): string {
  const { width, height } = size;
  const horizon = height * random.between(0.45, 0.72);
  const grass = hsl(random.between(75, 130), random.between(35, 60), random.between(38, 58));
  const hill = (lift: number, colour: Colour): string => {
    const peak = horizon - height * lift;
    const top = random.between(0.2, 0.8) * width;
    return path(`M 0 ${horizon} Q ${top} ${peak} ${width} ${horizon} V ${height} H 0 Z`, colour);
  };
  const tuft = (): string => {
    const x = random.between(0, width);
    const y = random.between(horizon + 8, height);
    return line(
      `M ${x} ${y} l -3 -9 M ${x} ${y} l 1 -11 M ${x} ${y} l 4 -8`,
      lighter(grass, -12),
      2,
    );
  };
  const flower = (): string =>
    circle(random.between(0, width), random.between(horizon + 10, height), 3, anyColour(random));
  return [
    sky(random, size),
    hill(random.between(0.1, 0.35), lighter(grass, 12)),
    hill(random.between(0, 0.2), lighter(grass, 6)),
    rectangle(0, horizon, width, height - horizon, grass),
    random.repeat(random.integer(0, 30), tuft),
    random.repeat(random.integer(0, 12), flower),
  ].join("");
}

function seaside(random: Random, size: Size): string {
  const { width, height } = size;
  const horizon = height * random.between(0.35, 0.6);
  const shore = height * random.between(0.68, 0.95);
  const sea = hsl(random.between(180, 220), random.between(45, 70), random.between(36, 56));
  const wave = (): string => {
    const x = random.between(0, width);
    const y = random.between(horizon + 6, shore);
    return line(`M ${x} ${y} q 9 -5 18 0 t 18 0`, lighter(sea, 18), 2);
  };
  const sand = hsl(42, random.between(35, 60), random.between(68, 82));
  const coast = `M 0 ${shore} Q ${width / 2} ${shore - 24} ${width} ${shore + 8} V ${height} H 0 Z`;
  return [
    sky(random, size),
    rectangle(0, horizon, width, height - horizon, sea),
    random.repeat(random.integer(4, 20), wave),
    path(coast, sand),
  ].join("");
}

function street(random: Random, size: Size): string {
  const { width, height } = size;
  const kerb = height * random.between(0.6, 0.76);
  const towers = random.integer(4, 8);
  const tower = (index: number): string => {
    const wide = width / towers;
    const top = kerb * random.between(0.2, 0.75);
    const wall = hsl(random.between(0, 360), random.between(5, 30), random.between(45, 78));
    const lit = lighter(wall, random.pick([-14, 14]));
    const rows = Math.floor((kerb - top) / 22);
    const panes = random.repeat(rows * 2, (pane) => {
      const x = index * wide + wide * (pane % 2 === 0 ? 0.2 : 0.58);
      return rectangle(x, top + 8 + Math.floor(pane / 2) * 22, wide * 0.22, 11, lit);
    });
    return rectangle(index * wide, top, wide + 1, kerb - top, wall) + panes;
  };
  const road = hsl(220, random.between(3, 12), random.between(34, 52));
  const mark = kerb + (height - kerb) * 0.6;
  const dashes = { "stroke-dasharray": "26 22", "stroke-linecap": "butt" };
  return [
    sky(random, size),
    random.repeat(towers, tower),
    rectangle(0, kerb, width, height - kerb, road),
    rectangle(0, kerb, width, height * 0.035, lighter(road, 24)),
    line(`M 0 ${mark} H ${width}`, "#f4efe0", 4, dashes),
  ].join("");
}

function stripesOrDots(random: Random, size: Size, colour: Colour): string {
  const step = random.between(18, 44);
  const paint = lighter(colour, random.pick([-8, 8]));
  const reach = Math.ceil((size.width + size.height) / step);
  if (random.chance(0.5)) {
    const bars = random.repeat(reach, (index) =>
      rectangle(index * step - size.height, -size.height, step / 2, 3 * size.height, paint),
    );
    return group(`rotate(${random.pick([0, 20, 45])})`, bars);
  }
  const columns = Math.ceil(size.width / step);
  const rows = Math.ceil(size.height / step);
  return random.repeat(columns * rows, (index) => {
    const row = Math.floor(index / columns);
    const x = ((index % columns) + (row % 2) / 2) * step;
    return circle(x, row * step, step * 0.17, paint);
  });
}

function pattern(random: Random, size: Size): string {
  const colour = anyColour(random);
  return rectangle(0, 0, size.width, size.height, colour) + stripesOrDots(random, size, colour);
}

function room(random: Random, size: Size): string {
  const { width, height } = size;
  const wall = hsl(random.between(0, 360), random.between(8, 45), random.between(60, 86));
  const wood = hsl(random.between(18, 38), random.between(25, 55), random.between(30, 62));
  const edge = height * random.between(0.55, 0.82);
  const planks = random.integer(2, 6);
  const seams = random.repeat(planks, (index) =>
    line(`M 0 ${edge + ((height - edge) * index) / planks} H ${width}`, lighter(wood, -9), 2),
  );
  return [
    rectangle(0, 0, width, height, wall),
    random.chance(0.5) ? stripesOrDots(random, size, wall) : "",
    rectangle(0, edge, width, height - edge, wood),
    seams,
  ].join("");
}

function bokeh(random: Random, size: Size): string {
  const colour = lighter(anyColour(random), -10);
  return (
    rectangle(0, 0, size.width, size.height, colour) +
    random.repeat(random.integer(8, 26), () => {
      const tone = hsl(colour.hue + random.between(-60, 60), 55, random.between(45, 80));
      const radius = random.between(0.03, 0.16) * size.width;
      const [x, y] = [random.between(0, size.width), random.between(0, size.height)];
      return circle(x, y, radius, tone, { "fill-opacity": random.between(0.15, 0.5) });
    })
  );
}

const backgrounds: NonEmpty<Background> = [studio, meadow, seaside, street, pattern, room, bokeh];

/** Draws a background of a random kind, which does not depend on the subject. */
export function drawBackground(random: Random, size: Size): string {
  return random.pick(backgrounds)(random, size);
}
