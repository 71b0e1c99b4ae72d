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

const bark = hsl(28, 45, 26);

function leafGreen(random: Random): Colour {
  return hsl(random.between(88, 130), random.between(40, 65), random.between(30, 46));
}

/** An apple with its stem, sometimes with a leaf or a bite taken out. */
export function drawApple(random: Random): string {
  const skin = random.pick<Colour>([
    hsl(random.between(-8, 8), 75, random.between(38, 50)),
    hsl(random.between(78, 100), 60, random.between(42, 56)),
    hsl(random.between(42, 54), 80, 58),
  ]);
  const waist = random.between(64, 80);
  const body =
    `M 0 -42 C 16 -68 ${waist + 4} -62 ${waist} -4 C ${waist - 4} 46 34 82 0 72 ` +
    `C -34 82 ${4 - waist} 46 ${-waist} -4 C ${-waist - 4} -62 -16 -68 0 -42 Z`;
  const lean = random.between(-10, 22);
  const leaf = leafGreen(random);
  const bite =
    circle(waist - 2, 2, 22, hsl(48, 70, 86)) + circle(waist - 14, 26, 15, hsl(48, 70, 86));
  const blush = ellipse(26, 20, 30, 38, hsl(8, 80, 52), { ...noOutline, "fill-opacity": 0.3 });
  return [
    shaded(skin, (fill) => path(body, fill)),
    random.chance(0.4) ? blush : "",
    random.chance(0.2) ? bite : "",
    ellipse(0, -40, 20, 7, lighter(skin, -16), noOutline),
    line(`M 0 -40 Q 0 -62 ${lean} -82`, bark, random.between(5, 8)),
    random.chance(0.75)
      ? path("M 5 -60 C 16 -90 48 -92 66 -78 C 52 -56 28 -50 5 -60 Z", leaf) +
        line("M 8 -62 Q 34 -76 58 -77", lighter(leaf, 16), 1.8)
      : "",
    highlight(-34, -22, 13, 21, random.between(0.2, 0.5)),
  ].join("");
}

function oneBanana(skin: Colour, bend: number): string {
  const body =
    `M -78 -46 C -66 ${bend - 10} -8 ${bend + 22} 74 ${bend - 40} ` +
    `L 84 ${bend - 48} L 78 ${bend - 60} C 20 ${bend - 38} -40 ${bend - 62} -62 -54 Z`;
  return [
    shaded(skin, (fill) => path(body, fill)),
    line(`M -70 -48 C -50 ${bend - 22} 4 ${bend - 4} 76 ${bend - 50}`, lighter(skin, -18), 2.4),
    path("M -80 -44 L -74 -72 L -62 -72 L -60 -52 Z", lighter(skin, -20)),
    ellipse(82, bend - 54, 6, 8, bark),
  ].join("");
}

/** One banana, or a hand of two or three. */
export function drawBanana(random: Random): string {
  const hue = random.chance(0.8) ? random.between(44, 54) : random.between(58, 72);
  const skin = hsl(hue, random.between(75, 92), random.between(52, 64));
  const count = random.pick<number>([1, 1, 2, 3]);
  const bend = random.between(44, 68);
  const hand = random.repeat(count, (index) => {
    const turn = (count - 1 - index) * -random.between(14, 20);
    return group(`rotate(${turn} -70 -58)`, oneBanana(lighter(skin, -3 * index), bend));
  });
  const freckle = (): string => {
    const x = random.between(-30, 30);
    return ellipse(x, bend - 24 + random.between(-8, 6), random.between(1.5, 4), 1.6, bark, {
      ...noOutline,
      "fill-opacity": 0.5,
    });
  };
  return hand + random.repeat(random.integer(0, 7), freckle);
}

function seedRows(random: Random, seed: Colour): string {
  const rows = random.integer(5, 7);
  const wobble = random.between(0, 4);
  return random.repeat(rows, (row) => {
    const y = -26 + (row * 92) / rows;
    // The berry narrows downwards, and so do its rows of seeds.
    const depth = Math.max(0, (y + 20) / 104);
    const reach = 46 * Math.sqrt(Math.max(0.04, 1 - depth ** 1.5));
    const columns = Math.max(1, Math.round(reach / 9) - (row % 2));
    return random.repeat(columns, (column) => {
      const x = columns === 1 ? 0 : -reach + (2 * reach * (column + 0.5)) / columns;
      const top = y + random.between(-wobble, wobble);
      return ellipse(x, top, 2.3, 3.6, seed, noOutline) + highlight(x + 0.8, top - 1, 0.7, 1, 0.6);
    });
  });
}

function oneStrawberry(random: Random): string {
  const skin = hsl(random.between(-12, 8), random.between(75, 90), random.between(42, 52));
  const leaf = leafGreen(random);
  const width = random.between(50, 62);
  const body =
    `M 0 84 C -26 80 ${-width - 12} 16 ${-width} -22 C ${8 - width} -50 -16 -50 0 -44 ` +
    `C 16 -50 ${width - 8} -50 ${width} -22 C ${width + 12} 16 26 80 0 84 Z`;
  const leaves = random.integer(6, 8);
  const length = random.between(34, 46);
  const calyx = random.repeat(leaves, (index) => {
    const turn = -96 + (192 * index) / (leaves - 1) + random.between(-7, 7);
    const bladeLength = length * random.between(0.85, 1.15);
    const blade = `M -8 0 C -13 ${bladeLength * 0.5} -4 ${bladeLength * 0.8} 0 ${bladeLength} C 4 ${
      bladeLength * 0.8
    } 13 ${bladeLength * 0.5} 8 0 Z`;
    const flat = `translate(0 -46) scale(1 0.72) rotate(${turn})`;
    return group(flat, path(blade, lighter(leaf, (index % 2) * 7)));
  });
  return [
    shaded(skin, (fill) => path(body, fill)),
    seedRows(random, random.pick<Colour>([hsl(46, 85, 66), hsl(34, 75, 60)])),
    highlight(-26, -8, 9, 18, random.between(0.15, 0.4)),
    calyx,
    line(`M 0 -46 Q 2 -62 ${random.between(-16, 16)} -80`, lighter(leaf, -6), 6),
  ].join("");
}

/** One to three strawberries. */
export function drawStrawberry(random: Random): string {
  const berry = (x: number, y: number, size: number, turn: number): string =>
    group(`translate(${x} ${y}) scale(${size}) rotate(${turn})`, oneStrawberry(random));
  switch (random.integer(1, 3)) {
    case 1:
      return berry(0, 2, 1.08, random.between(-30, 30));
    case 2:
      return (
        berry(-42, -12, 0.76, random.between(5, 40)) + berry(42, 16, 0.78, random.between(-40, 5))
      );
    default:
      return (
        berry(4, -40, 0.62, random.between(-30, 30)) +
        berry(-48, 28, 0.66, random.between(0, 40)) +
        berry(46, 34, 0.68, random.between(-40, 0))
      );
  }
}
