import { Random, type NonEmpty } from "../random.js";
import {
  noOutline,
  anyColour,
  circle,
  ellipse,
  group,
  highlight,
  hsl,
  lighter,
  line,
  mirrored,
  path,
  shaded,
  type Colour,
} from "./svg.js";

const ink = hsl(20, 25, 12);
const pink = hsl(350, 70, 72);

const dogCoats: NonEmpty<Colour> = [
  hsl(32, 62, 56),
  hsl(24, 55, 36),
  hsl(38, 55, 72),
  hsl(20, 20, 24),
  hsl(30, 12, 58),
  hsl(36, 30, 88),
];

const catCoats: NonEmpty<Colour> = [
  hsl(28, 80, 58),
  hsl(220, 6, 48),
  hsl(30, 10, 22),
  hsl(32, 30, 74),
  hsl(24, 30, 42),
  hsl(40, 20, 90),
];

function vary(random: Random, colour: Colour): Colour {
  const saturation = colour.saturation + random.between(-8, 8);
  return hsl(
    colour.hue + random.between(-6, 6),
    saturation,
    colour.lightness + random.between(-5, 5),
  );
}

function dogHead(random: Random, coat: Colour, patch: Colour, muzzle: Colour): string {
  const droop = random.between(16, 44);
  const ear = random.chance(0.75)
    ? `M -28 -50 C -72 -64 -86 ${droop - 36} -68 ${droop} C -58 ${droop + 14} -42 24 -40 -8 Z`
    : "M -45 -18 C -54 -44 -56 -66 -50 -80 C -34 -74 -20 -60 -12 -48 Z";
  const eyes = random.between(5.5, 8);
  const eye = circle(-20, -10, eyes, ink) + circle(-22, -13, eyes * 0.36, "white", noOutline);
  const tongue = path("M -9 34 C -12 64 12 64 9 34 Z", pink) + line("M 0 37 V 49", "#c4506a", 1.5);
  return [
    shaded(patch, (fill) => mirrored(path(ear, fill))),
    shaded(coat, (fill) =>
      path("M -44 -26 C -42 -66 42 -66 44 -26 C 52 14 36 50 0 50 C -36 50 -52 14 -44 -26 Z", fill),
    ),
    random.chance(0.5) ? ellipse(21, -12, 16, 19, patch, noOutline) : "",
    random.chance(0.6) ? ellipse(0, -30, 9, 24, muzzle, noOutline) : "",
    ellipse(0, 25, random.between(25, 31), random.between(18, 23), muzzle, noOutline),
    random.chance(0.7) ? tongue : "",
    line("M 0 18 V 28 M -18 27 Q -9 40 0 29 Q 9 40 18 27", ink, 2.6),
    path("M -12 8 Q 0 1 12 8 Q 11 20 0 22 Q -11 20 -12 8 Z", ink),
    highlight(-3, 9, 4, 2, 0.6),
    eye,
    group("translate(40 0)", eye),
    line("M -27 -24 Q -20 -29 -13 -25 M 27 -24 Q 20 -29 13 -25", lighter(coat, -22), 2.4),
  ].join("");
}

function collar(random: Random, d: string, tagX: number, tagY: number): string {
  return line(d, anyColour(random), 7) + circle(tagX, tagY, 5, hsl(46, 85, 58));
}

function sittingDog(random: Random, coat: Colour, patch: Colour, muzzle: Colour): string {
  const wag = random.between(-30, 10);
  const haunch = ellipse(-34, 76, 21, 21, coat);
  const leg = path("M -25 34 L -22 88 Q -14 96 -4 88 L -3 34 Z", coat, noOutline);
  const paw = ellipse(-14, 92, 13, 7.5, muzzle) + line("M -18 90 v 5 M -11 90 v 5", ink, 1.2);
  return [
    line(`M 34 80 C 66 82 74 ${50 + wag} 66 ${34 + wag}`, lighter(coat, -6), 11),
    mirrored(haunch + ellipse(-42, 93, 15, 7, muzzle)),
    shaded(coat, (fill) =>
      path("M -28 0 C -46 34 -42 88 -30 94 L 30 94 C 42 88 46 34 28 0 Z", fill),
    ),
    mirrored(leg + line("M -25 52 L -22 86 M -3 56 V 88", lighter(coat, -20), 1.6) + paw),
    path("M -16 12 Q -22 42 0 60 Q 22 42 16 12 Z", muzzle, noOutline),
    collar(random, "M -27 10 Q 0 24 27 10", 0, 22),
    group(
      `translate(0 -38) rotate(${random.between(-14, 14)}) scale(0.92)`,
      dogHead(random, coat, patch, muzzle),
    ),
  ].join("");
}

function standingDog(random: Random, coat: Colour, patch: Colour, muzzle: Colour): string {
  const stride = random.between(-8, 8);
  const far = lighter(coat, -12);
  const tail = random.between(-70, -35);
  return [
    line(`M 62 -8 C 82 -14 88 ${tail + 30} 78 ${tail}`, coat, 10),
    line(`M -26 20 L ${-34 + stride} 76 h -5 M 48 20 L ${56 - stride} 76 h -5`, far, 14),
    shaded(coat, (fill) =>
      path("M -46 -24 C -20 -32 40 -30 60 -18 C 78 -4 74 38 54 38 C 20 26 -10 40 -36 38 Z", fill),
    ),
    random.chance(0.6) ? ellipse(24, -6, 22, 16, patch, noOutline) : "",
    line(`M -36 20 L ${-30 - stride} 80 h -6 M 58 20 L ${50 + stride} 80 h -6`, coat, 15),
    line("M -40 -12 L -52 -38", coat, 34),
    shaded(coat, (fill) => ellipse(-56, -48, 27, 25, fill)),
    path("M -66 -56 C -84 -54 -100 -48 -99 -38 C -98 -26 -78 -24 -62 -28 Z", muzzle),
    ellipse(-96, -43, 6.5, 5.5, ink),
    line("M -92 -32 Q -80 -28 -70 -33", ink, 2),
    circle(-64, -56, 4.4, ink) + circle(-65.5, -57.5, 1.5, "white", noOutline),
    path("M -48 -70 C -24 -70 -22 -30 -32 -18 C -46 -20 -50 -44 -54 -62 Z", patch),
    collar(random, "M -62 -18 Q -44 -10 -32 -22", -50, -10),
  ].join("");
}

/** A dog: the head from the front, sitting, or standing and seen from the side. */
export function drawDog(random: Random): string {
  const coat = vary(random, random.pick(dogCoats));
  const patch = random.chance(0.6) ? lighter(coat, -18) : vary(random, random.pick(dogCoats));
  const muzzle = lighter(hsl(coat.hue, coat.saturation * 0.7, coat.lightness), 24);
  const pose = random.next();
  if (pose < 0.3) return group("scale(1.3) translate(0 8)", dogHead(random, coat, patch, muzzle));
  const draw = pose < 0.7 ? sittingDog : standingDog;
  return draw(random, coat, patch, muzzle);
}

function catHead(random: Random, coat: Colour, light: Colour): string {
  const iris = random.pick<Colour>([hsl(90, 55, 52), hsl(46, 85, 55), hsl(200, 65, 58)]);
  const slit = random.between(2, 5);
  const ear = path("M -46 -12 C -52 -40 -52 -58 -47 -70 C -32 -62 -18 -50 -8 -38 Z", coat);
  const inner = path("M -41 -28 C -44 -42 -44 -50 -42 -57 C -33 -52 -26 -46 -20 -40 Z", pink);
  const eye =
    ellipse(-21, -4, 11, 9.5, iris) +
    ellipse(-21, -4, slit, 8.5, ink, noOutline) +
    circle(-23.5, -7.5, 2.2, "white", noOutline);
  const stripes = line("M 0 -38 V -22 M -9 -36 L -7 -23 M 9 -36 L 7 -23", lighter(coat, -24), 3.6);
  const cheek = line("M -50 4 L -38 6 M -47 16 L -36 14", lighter(coat, -24), 3.4);
  const whisker = line("M -18 18 L -60 10 M -18 21 L -62 22 M -18 24 L -58 34", "#fffdf5", 1.4);
  return [
    mirrored(ear + inner),
    shaded(coat, (fill) => ellipse(0, 0, 52, random.between(40, 46), fill)),
    random.chance(0.6) ? stripes + mirrored(cheek) : "",
    mirrored(ellipse(-9, 22, 13, 10, light, noOutline) + eye),
    path("M -6 11 H 6 Q 3 18 0 18 Q -3 18 -6 11 Z", pink),
    line("M 0 18 V 22 M -11 23 Q -5 30 0 23 Q 5 30 11 23", ink, 2),
    mirrored(whisker),
  ].join("");
}

/** A cat: the head from the front, or sitting with its tail laid around it. */
export function drawCat(random: Random): string {
  const coat = vary(random, random.pick(catCoats));
  const light = lighter(hsl(coat.hue, coat.saturation * 0.5, coat.lightness), 26);
  if (random.chance(0.35)) return group("scale(1.5) translate(0 8)", catHead(random, coat, light));
  const tail = random.between(-10, 40);
  const tailPath = `M 26 84 C 72 92 80 ${50 - tail / 2} 62 ${40 - tail}`;
  const bands = line("M -36 58 l 14 4 M -37 70 l 13 2 M 36 58 l -14 4", lighter(coat, -24), 4);
  const paw = ellipse(-12, 91, 11, 7, light) + line("M -3 62 V 88", lighter(coat, -20), 1.6);
  return [
    line(tailPath, lighter(coat, -5), 12),
    shaded(coat, (fill) =>
      path("M -20 -14 C -34 20 -52 60 -40 92 L 40 92 C 52 60 34 20 20 -14 Z", fill),
    ),
    ellipse(0, 34, 15, 26, light, noOutline),
    random.chance(0.5) ? bands : "",
    mirrored(paw),
    group(
      `translate(0 -36) rotate(${random.between(-12, 12)}) scale(0.86)`,
      catHead(random, coat, light),
    ),
  ].join("");
}
