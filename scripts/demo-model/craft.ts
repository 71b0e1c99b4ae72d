import type { Random } from "../random.js";
import {
  anyColour,
  circle,
  ellipse,
  hsl,
  lighter,
  line,
  mirrored,
  path,
  rectangle,
  shaded,
  type Colour,
} from "./svg.js";

const glass = hsl(205, 50, 60);

function airplaneFromTheSide(random: Random, hull: Colour, accent: Colour): string {
  const belly = random.between(15, 21);
  const windows = random.integer(6, 10);
  const propeller = random.chance(0.3);
  const jet = ellipse(-8, 28, 17, 8.5, lighter(hull, -22)) + ellipse(-22, 28, 4, 8, "#2b2f38");
  const blades = ellipse(-99, 0, 3, 30, hsl(220, 8, 25)) + circle(-99, 0, 6, accent);
  return [
    path("M 58 -8 L 76 -58 L 95 -58 L 90 -4 Z", accent),
    path("M 22 -4 L 52 -30 L 66 -30 L 52 -2 Z", lighter(hull, -20)),
    shaded(hull, (fill) =>
      path(
        `M -97 4 C -96 -12 -78 ${-belly} -54 ${-belly} H 40 C 66 ${-belly} 88 -14 97 -8 ` +
          `C 88 6 60 ${belly} 30 ${belly} H -54 C -80 ${belly} -96 14 -97 4 Z`,
        fill,
      ),
    ),
    line("M -92 6 C -40 10 20 9 84 -4", accent, random.between(2.5, 5)),
    path(`M -88 -6 Q -80 ${3 - belly} -68 ${3 - belly} L -68 -5 Z`, glass),
    random.repeat(windows, (index) =>
      rectangle(-54 + (index * 96) / windows, -9, 5.5, 7, glass, { rx: 2 }),
    ),
    propeller ? blades : jet,
    path("M -26 6 L 26 6 L 62 58 L 42 58 Z", lighter(hull, -11)),
    path("M 60 -2 L 84 -6 L 97 20 L 84 20 Z", lighter(hull, -11)),
  ].join("");
}

function airplaneFromAbove(random: Random, hull: Colour, accent: Colour): string {
  const sweep = random.between(14, 46);
  const engine = ellipse(-40, sweep * 0.4 - 12, 6, 14, lighter(hull, -24));
  const wing = path(`M -8 -26 L -97 ${sweep + 8} L -96 ${sweep + 22} L -8 20 Z`, lighter(hull, -9));
  const tail = path("M -5 66 L -36 88 L -35 96 L -5 88 Z", accent);
  return [
    mirrored(engine + wing + tail),
    shaded(hull, (fill) =>
      path(
        "M 0 -99 C 13 -92 14 -60 13 -20 L 9 60 Q 4 96 0 98 " +
          "Q -4 96 -9 60 L -13 -20 C -14 -60 -13 -92 0 -99 Z",
        fill,
      ),
    ),
    path("M -9 -78 Q 0 -90 9 -78 L 7 -70 Q 0 -75 -7 -70 Z", glass),
    line("M 0 62 V 94", accent, 4),
    mirrored(line(`M -88 ${sweep + 12} L -60 ${sweep * 0.7}`, accent, 4)),
  ].join("");
}

/** An airplane, from the side or from above. */
export function drawAirplane(random: Random): string {
  const hull = hsl(random.between(190, 230), random.between(5, 25), random.between(74, 94));
  const accent = anyColour(random);
  const draw = random.chance(0.6) ? airplaneFromTheSide : airplaneFromAbove;
  return draw(random, random.chance(0.7) ? hull : anyColour(random), accent);
}

/** A sailboat with one or two sails. */
export function drawSailboat(random: Random): string {
  const hull = anyColour(random);
  const sail = random.chance(0.65) ? hsl(45, random.between(5, 40), 93) : anyColour(random);
  const jib = random.chance(0.4) ? anyColour(random) : lighter(sail, -6);
  const mast = random.between(-96, -84);
  const bow = random.between(74, 92);
  const belly = random.between(4, 18);
  const stripes = line("M 7 -52 H 34 M 7 -26 H 46", anyColour(random), 6);
  const water = hsl(random.between(190, 215), 60, random.between(45, 65));
  const waves = line("M -96 88 q 16 -10 32 0 t 32 0 t 32 0 t 32 0 t 32 0 t 32 0", water, 7);
  return [
    line(`M 0 ${mast} V 50`, hsl(28, 45, 32), 5),
    shaded(sail, (fill) =>
      path(`M 5 ${mast + 6} C ${30 + belly} -40 ${56 + belly} 0 64 34 H 5 Z`, fill),
    ),
    random.chance(0.35) ? stripes : "",
    random.chance(0.8) ? path(`M -5 ${mast + 14} C -30 -30 -50 4 -62 32 H -5 Z`, jib) : "",
    random.chance(0.6)
      ? path(`M 0 ${mast} l -24 6 l 24 8 Z`, hsl(random.between(0, 360), 80, 50))
      : "",
    shaded(hull, (fill) =>
      path(
        `M ${-bow} 44 H ${bow} C ${bow - 14} 74 54 84 44 84 H -46 C -62 84 -76 64 ${-bow} 44 Z`,
        fill,
      ),
    ),
    line(`M ${8 - bow} 53 H ${bow - 6}`, lighter(hull, 30), 4),
    random.chance(0.4) ? circle(-30, 65, 5, glass) + circle(-8, 65, 5, glass) : "",
    random.chance(0.6) ? waves : "",
  ].join("");
}
