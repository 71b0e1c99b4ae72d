import type { Random } from "../random.js";
import {
  noOutline,
  anyColour,
  circle,
  ellipse,
  group,
  hsl,
  lighter,
  line,
  mirrored,
  path,
  rectangle,
  shaded,
  type Colour,
} from "./svg.js";

const ink = hsl(225, 20, 16);

/** A clock with hands: on the wall, round or square, or an alarm clock with two bells. */
export function drawClock(random: Random): string {
  const frame = anyColour(random);
  const face = hsl(random.between(30, 60), random.between(5, 40), random.between(88, 97));
  const alarm = random.chance(0.4);
  const square = !alarm && random.chance(0.3);
  const thick = random.between(8, 15);
  const ticks = random.repeat(12, (index) => {
    const long = index % 3 === 0;
    return group(`rotate(${30 * index})`, line(`M 0 -62 V ${long ? -51 : -56}`, ink, long ? 5 : 3));
  });
  const minute = random.integer(0, 59);
  const hour = random.integer(0, 11) + minute / 60;
  const hand = (turn: number, length: number, width: number, colour: Colour): string =>
    group(`rotate(${turn})`, line(`M 0 8 V ${-length}`, colour, width));
  const bell = group(
    "rotate(-34)",
    path("M -26 -78 A 26 26 0 0 1 26 -78 Z", lighter(frame, 8)) + line("M 0 -104 V -110", ink, 5),
  );
  const foot = line("M -44 60 L -58 86", lighter(frame, -14), 10);
  const radius = 70 + thick;
  return group(
    alarm ? "translate(0 10) scale(0.88)" : "scale(1.1)",
    alarm ? mirrored(foot) + mirrored(bell) + line("M 0 -80 V -104", ink, 5) : "",
    shaded(frame, (fill) =>
      square
        ? rectangle(-radius, -radius, 2 * radius, 2 * radius, fill, { rx: 14 })
        : circle(0, 0, radius, fill),
    ),
    circle(0, 0, 70, face),
    ticks,
    hand(30 * hour, 34, 7, ink),
    hand(6 * minute, 52, 4.6, ink),
    random.chance(0.5) ? hand(random.between(0, 360), 54, 1.8, hsl(2, 80, 48)) : "",
    circle(0, 0, 5.5, lighter(frame, -8)),
  );
}

function mugDecoration(random: Random, colour: Colour): string {
  switch (random.integer(0, 3)) {
    case 0:
      return path("M -12 62 C -52 30 -36 2 -12 20 C 12 2 28 30 -12 62 Z", colour);
    case 1:
      return line("M -62 26 Q -12 44 38 26 M -59 46 Q -12 64 35 46", colour, 8);
    case 2:
      return random.repeat(8, (index) =>
        circle(-46 + (index % 4) * 23, index < 4 ? 26 : 54, 6.5, colour, noOutline),
      );
    default:
      return "";
  }
}

/** A mug of coffee with its handle, sometimes steaming. */
export function drawCoffeeMug(random: Random): string {
  const glaze = random.chance(0.3) ? hsl(40, 20, random.between(88, 95)) : anyColour(random);
  const decoration = anyColour(random);
  const taper = random.between(0, 12);
  const rim = random.between(11, 19);
  const body = `M -66 -20 L ${taper - 64} 74 Q -12 100 ${40 - taper} 74 L 42 -20 Z`;
  const steam = (x: number): string =>
    line(`M ${x} -46 q -9 -11 0 -22 t 0 -22`, "#ffffff", 5, { "stroke-opacity": 0.65 });
  return [
    random.chance(0.6) ? steam(-34) + steam(-10) + steam(14) : "",
    line(
      `M 38 0 C ${random.between(84, 100)} -12 ${random.between(84, 98)} 62 ${36 - taper / 2} 52`,
      lighter(glaze, -8),
      random.between(10, 15),
    ),
    shaded(glaze, (fill) => path(body, fill)),
    mugDecoration(random, decoration),
    ellipse(-12, -20, 54, rim, lighter(glaze, 9)),
    ellipse(-12, -18, 47, rim - 4.5, hsl(24, 58, random.between(15, 30))),
    ellipse(-24, -19, 16, 3, hsl(30, 60, 48), { ...noOutline, "fill-opacity": 0.6 }),
  ].join("");
}

function windowAt(x: number, y: number, size: number, glass: Colour, sill: Colour): string {
  const middle = size / 2;
  return (
    rectangle(x, y, size, size, glass) +
    line(`M ${x + middle} ${y} v ${size} M ${x} ${y + middle} h ${size}`, sill, 2.2) +
    line(`M ${x - 3} ${y + size + 1} h ${size + 6}`, sill, 4)
  );
}

/** A house with a gabled roof, a door and windows. */
export function drawHouse(random: Random): string {
  const wall = hsl(random.between(0, 360), random.between(10, 55), random.between(62, 90));
  const roof = hsl(random.between(-10, 40), random.between(30, 65), random.between(28, 46));
  const glass = random.chance(0.3) ? hsl(48, 95, 74) : hsl(205, 50, 70);
  const half = random.between(58, 76);
  const ridge = random.between(-92, -70);
  const eaves = random.between(-22, -8);
  const chimney = random.pick([-1, 1]) * random.between(26, 40);
  const door = random.between(-34, 14);
  const width = half + random.between(10, 20);
  const rows = random.repeat(4, (index) =>
    line(`M ${-half} ${eaves + 18 + index * 22} H ${half}`, lighter(wall, -9), 1.4),
  );
  const smoke =
    circle(chimney + 6, -100, 8, "white", { ...noOutline, "fill-opacity": 0.55 }) +
    circle(chimney + 17, -112, 11, "white", { ...noOutline, "fill-opacity": 0.45 });
  const gable = circle(0, (ridge + 2 * eaves) / 3, 9, glass);
  return [
    random.chance(0.35) ? smoke : "",
    rectangle(chimney - 8, -88, 16, 60, lighter(roof, -9)),
    shaded(wall, (fill) => rectangle(-half, eaves, 2 * half, 90 - eaves, fill)),
    random.chance(0.4) ? rows : "",
    shaded(roof, (fill) => path(`M ${-width} ${eaves} L 0 ${ridge} L ${width} ${eaves} Z`, fill)),
    random.chance(0.6) ? gable : "",
    rectangle(door, 34, 26, 56, anyColour(random), { rx: random.pick([0, 3, 12]) }),
    circle(door + 21, 64, 2.2, hsl(46, 90, 62)),
    windowAt(-half + 9, eaves + 16, 24, glass, lighter(wall, 12)),
    windowAt(half - 33, eaves + 16, 24, glass, lighter(wall, 12)),
    line(`M ${-half - 10} 91 H ${half + 10}`, hsl(95, 35, 36), 6),
  ].join("");
}
