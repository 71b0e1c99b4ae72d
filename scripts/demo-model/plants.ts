import type { Random } from "../random.js";
import {
  noOutline,
  circle,
  ellipse,
  group,
  highlight,
  hsl,
  lighter,
  line,
  path,
  shaded,
  type Colour,
} from "./svg.js";

function oneMushroom(random: Random, cap: Colour): string {
  const stem = hsl(42, random.between(15, 40), random.between(80, 92));
  const width = random.between(58, 82);
  const height = random.between(62, 92);
  const foot = random.between(16, 28);
  const dome = `M ${-width} 6 C ${-width} ${-height} ${width} ${-height} ${width} 6 `;
  const spots = random.chance(0.7);
  const spot = (index: number): string => {
    const x = -0.62 * width + (index * 1.24 * width) / 5;
    const lift = height * 0.62 * (1 - (x / width) ** 2);
    const y = 2 - lift * random.between(0.35, 1);
    return ellipse(x, y, random.between(6, 11), random.between(5, 8), hsl(45, 40, 94), noOutline);
  };
  const skirt = path("M -17 26 Q 0 18 17 26 L 24 40 Q 0 34 -24 40 Z", lighter(stem, 4));
  return [
    shaded(stem, (fill) =>
      path(
        `M -15 4 C -14 40 ${-foot} 66 ${-foot - 3} 84 ` +
          `Q 0 96 ${foot + 3} 84 C ${foot} 66 14 40 15 4 Z`,
        fill,
      ),
    ),
    random.chance(0.4) ? skirt : "",
    path(`M ${-width} 6 Q 0 30 ${width} 6 Q 0 -10 ${-width} 6 Z`, lighter(stem, -14)),
    random.repeat(9, (index) => {
      const x = -width * 0.8 + (index * width * 1.6) / 8;
      return line(`M ${x * 0.3} 2 L ${x} ${10 - 6 * (x / width) ** 2}`, lighter(stem, -30), 1.3);
    }),
    shaded(cap, (fill) => path(`${dome} Q 0 -8 ${-width} 6 Z`, fill)),
    spots ? random.repeat(6, spot) : "",
    highlight(-width * 0.36, -height * 0.46, 15, 8, random.between(0.1, 0.4)),
  ].join("");
}

/** A mushroom, sometimes with a small one at its side. */
export function drawMushroom(random: Random): string {
  const cap = random.pick<Colour>([
    hsl(random.between(-4, 14), 75, random.between(40, 50)),
    hsl(random.between(20, 34), random.between(40, 65), random.between(32, 52)),
    hsl(36, 25, random.between(66, 84)),
  ]);
  if (random.chance(0.35)) {
    return (
      group("translate(-18 0) scale(0.92)", oneMushroom(random, cap)) +
      group("translate(56 44) scale(0.46)", oneMushroom(random, lighter(cap, 5)))
    );
  }
  return oneMushroom(random, cap);
}

/** A sunflower: the head alone, or on its stem with two leaves. */
export function drawSunflower(random: Random): string {
  const petal = hsl(random.between(36, 52), random.between(85, 98), random.between(50, 60));
  const seedHead = hsl(random.between(18, 32), random.between(40, 60), random.between(16, 30));
  const green = hsl(random.between(90, 125), 45, random.between(28, 42));
  const petals = random.integer(13, 22);
  const core = random.between(22, 34);
  const length = random.between(58, 68);
  const ring = (start: number, reach: number, colour: Colour): string =>
    random.repeat(petals, (index) => {
      const turn = start + (360 * index) / petals + random.between(-4, 4);
      const tip = reach * random.between(0.92, 1.06);
      const blade = `M -5 ${-core * 0.7} C -13 ${-tip * 0.7} -6 ${-tip * 0.9} 0 ${-tip} C 6 ${
        -tip * 0.9
      } 13 ${-tip * 0.7} 5 ${-core * 0.7} Z`;
      return group(`rotate(${turn})`, path(blade, colour));
    });
  // Seeds sit on a spiral whose steps are the golden angle, as they do on the real flower.
  const seeds = random.repeat(46, (index) => {
    const radius = core * 0.94 * Math.sqrt((index + 0.5) / 46);
    const angle = index * 2.399963;
    const tone = lighter(seedHead, index % 3 === 0 ? 22 : 10);
    return circle(radius * Math.cos(angle), radius * Math.sin(angle), 1.7, tone, noOutline);
  });
  const head = [
    ring(0, length, lighter(petal, -9)),
    ring(180 / petals, length * 0.92, petal),
    shaded(seedHead, (fill) => circle(0, 0, core, fill)),
    seeds,
  ].join("");
  if (random.chance(0.3)) return group("scale(1.4)", head);
  const sway = random.between(-16, 16);
  const leaf = "M 0 0 C 14 -30 48 -34 66 -18 C 52 6 24 14 0 0 Z";
  return [
    line(`M 0 -30 Q ${sway} 30 0 98`, green, 7),
    group(`translate(${sway * 0.5} 62)`, path(leaf, green)),
    group(`translate(${sway * 0.4} 78) scale(-1 1)`, path(leaf, lighter(green, 6))),
    group("translate(0 -34) scale(0.95)", head),
  ].join("");
}
