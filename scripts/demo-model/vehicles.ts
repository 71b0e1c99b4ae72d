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
  path,
  rectangle,
  shaded,
  type Colour,
} from "./svg.js";

const rubber = hsl(220, 8, 13);
const glass = hsl(205, 45, 72);
const chrome = hsl(215, 8, 78);

function wheel(x: number, y: number, radius: number, spokes: number, rim: Colour): string {
  const spoke = Array.from({ length: spokes }, (_, index) => {
    const angle = (2 * Math.PI * index) / spokes;
    return `M 0 0 L ${radius * 0.56 * Math.cos(angle)} ${radius * 0.56 * Math.sin(angle)}`;
  }).join(" ");
  return group(
    `translate(${x} ${y})`,
    circle(0, 0, radius, rubber),
    circle(0, 0, radius * 0.64, rim),
    circle(0, 0, radius * 0.54, hsl(220, 8, 26), noOutline),
    line(spoke, rim, radius * 0.13),
    circle(0, 0, radius * 0.15, lighter(rim, -16), noOutline),
  );
}

/** A low two-door sports car seen from the side, closed or with the roof down. */
export function drawSportsCar(random: Random): string {
  const paint = random.chance(0.6)
    ? hsl(random.pick([0, 4, 48, 212, 26, 130]), random.between(75, 92), random.between(40, 54))
    : anyColour(random);
  const roof = random.between(-39, -32);
  const nose = random.between(2, 9);
  const open = random.chance(0.25);
  const radius = random.between(17, 20);
  const rim = random.chance(0.75) ? chrome : hsl(45, 70, 60);
  const spokes = random.integer(5, 8);
  const body =
    `M -97 24 C -100 ${nose + 6} -94 ${nose} -84 ${nose - 4} C -66 -8 -48 -11 -30 -13 ` +
    "L 56 -16 C 76 -17 92 -14 95 -4 C 98 8 98 16 95 25 L 78 29 L -84 30 Z";
  const cabin = `M -34 -12 C -16 ${roof + 6} 4 ${roof} 24 ${roof} C 46 ${roof} 62 -24 78 -15 Z`;
  const windows =
    `M -22 -13 C -10 ${roof + 11} 4 ${roof + 5} 16 ${roof + 5} L 16 -14 Z ` +
    `M 21 -14 V ${roof + 5} C 38 ${roof + 5} 48 -24 58 -16 Z`;
  const screen = line("M -26 -13 L -4 -33", lighter(glass, 14), 4);
  const seats = path("M 10 -15 C 8 -31 22 -31 24 -15 Z M 36 -15 C 34 -31 48 -31 50 -15 Z", rubber);
  const wing = line("M 78 -16 L 82 -30 M 68 -32 L 96 -33", lighter(paint, -16), 4.5);
  const stripe = path("M -90 14 L 96 9 V 14 L -92 19 Z", random.pick(["white", "#16181d"]));
  const arch = (x: number): string => circle(x, 26, radius + 4, hsl(220, 10, 10), noOutline);
  return group(
    "translate(0 10)",
    random.chance(0.55) ? wing : "",
    open ? seats + screen : shaded(paint, (fill) => path(cabin, fill)) + path(windows, glass),
    open ? "" : line(`M -6 -15 L 8 ${roof + 8}`, "#ffffff", 2.5, { "stroke-opacity": 0.6 }),
    shaded(paint, (fill) => path(body, fill)),
    random.chance(0.35) ? stripe : "",
    line("M -80 0 C -50 -8 0 -9 88 -8", lighter(paint, 22), 2, { "stroke-opacity": 0.8 }),
    line("M -24 -12 Q -28 14 -20 25 M 30 -14 Q 36 8 28 25", lighter(paint, -20), 1.6),
    line("M 16 -4 h 9", lighter(paint, -28), 2.6),
    path("M 23 4 L 35 0 L 32 10 L 25 11 Z", hsl(220, 15, 14)),
    path(`M -92 ${nose + 1} Q -80 -3 -68 -5 Q -74 6 -91 8 Z`, hsl(50, 95, 86)),
    path("M 88 -9 L 95 -5 L 96 3 L 86 1 Z", hsl(2, 90, 46)),
    path("M -97 22 L -84 31 L 80 30 L 95 22 L 95 27 L 80 34 L -86 35 Z", hsl(220, 10, 18)),
    arch(-58) + arch(60),
    wheel(-58, 27, radius, spokes, rim) + wheel(60, 27, radius, spokes, rim),
  );
}

/** A school bus seen from the side: long, yellow, with a row of windows. */
export function drawSchoolBus(random: Random): string {
  const paint = hsl(random.between(36, 52), random.between(82, 96), random.between(46, 58));
  const trim = hsl(220, 10, 14);
  const windows = random.integer(4, 6);
  const roof = random.between(-58, -46);
  const front = random.between(-74, -62);
  const span = (84 - front - 12) / windows;
  const pane = (index: number): string =>
    rectangle(front + 12 + index * span, roof + 12, span - 5, 24, glass, { rx: 3 });
  const stopSign = group(
    "translate(8 6) scale(0.8)",
    path("M -5 -12 H 5 L 12 -5 V 5 L 5 12 H -5 L -12 5 V -5 Z", hsl(2, 80, 45)),
    line("M -6 0 H 6", "white", 3.4),
  );
  return group(
    "translate(0 8)",
    shaded(paint, (fill) =>
      path(
        `M ${front} ${roof + 10} Q ${front + 1} ${roof} ${front + 12} ${roof} H 82 Q 92 ${roof} ` +
          `93 ${roof + 12} V 42 H -97 V 14 Q -96 -2 ${front - 6} -5 L ${front} -8 Z`,
        fill,
      ),
    ),
    random.repeat(windows, pane),
    path(`M ${front - 1} -8 L ${front + 2} ${roof + 13} H ${front + 8} V -8 Z`, glass),
    line("M -94 18 H 92 M -94 28 H 92", trim, random.between(2.5, 4)),
    rectangle(front + 12, -10, 17, 50, lighter(paint, -8), { rx: 2 }),
    rectangle(front + 15, -6, 11, 20, glass, { rx: 2 }),
    random.chance(0.6) ? stopSign : "",
    circle(-92, 14, 4.5, hsl(50, 95, 88)) + rectangle(90, 12, 4, 9, hsl(2, 85, 48)),
    ellipse(front + 16, roof - 1, 5, 3.5, hsl(2, 85, 50)) + ellipse(78, roof - 1, 5, 3.5, "orange"),
    rectangle(-99, 36, 12, 8, trim, { rx: 2 }) + rectangle(86, 36, 12, 8, trim, { rx: 2 }),
    wheel(-58, 42, 18, 6, chrome) + wheel(52, 42, 18, 6, chrome),
  );
}

/** A bicycle seen from the side, sometimes with a basket. */
export function drawBicycle(random: Random): string {
  const frame = anyColour(random);
  const radius = random.between(34, 42);
  const tyre = random.between(3.5, 6.5);
  const tube = random.between(4.5, 7.5);
  const saddle = random.between(-46, -34);
  const bars = random.between(-56, -44);
  const bikeWheel = (x: number): string => {
    const spokes = Array.from({ length: 7 }, (_, index) => {
      const angle = (Math.PI * index) / 7;
      const [dx, dy] = [radius * Math.cos(angle), radius * Math.sin(angle)];
      return `M ${-dx} ${-dy} L ${dx} ${dy}`;
    }).join(" ");
    return group(
      `translate(${x} 34)`,
      line(spokes, chrome, 1),
      circle(0, 0, radius, "none", { stroke: "#1b1d22", "stroke-width": tyre }),
      circle(0, 0, 4, chrome),
    );
  };
  const basket = path("M -84 -48 H -48 L -54 -20 H -78 Z", hsl(32, 50, 52));
  const weave = line(
    "M -82 -38 H -50 M -80 -29 H -52 M -72 -47 V -21 M -60 -47 V -21",
    "#7a5426",
    2,
  );
  return [
    bikeWheel(-56),
    bikeWheel(56),
    line("M 56 34 L 30 -14 L -4 34 Z M 30 -14 L -36 -14 L -4 34", frame, tube),
    line(`M -56 34 L -36 -14 L -41 ${bars}`, frame, tube),
    line(`M 30 -14 L 26 ${saddle}`, chrome, 4),
    line(
      `M -41 ${bars} L -34 ${bars - 6} M -41 ${bars} Q -62 ${bars - 4} -58 ${bars + 10}`,
      rubber,
      5,
    ),
    path(`M 10 ${saddle - 3} Q 28 ${saddle - 10} 46 ${saddle - 5} L 40 ${saddle + 4} Z`, rubber),
    circle(-4, 34, 9, "none", { stroke: "#444a55", "stroke-width": 3.5 }),
    line("M -4 34 L 6 52 M 0 53 H 14", "#444a55", 3.5),
    random.chance(0.3) ? basket + weave : "",
  ].join("");
}
