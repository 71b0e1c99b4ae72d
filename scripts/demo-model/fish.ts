import type { Random } from "../random.js";
import {
  noOutline,
  anyColour,
  circle,
  group,
  highlight,
  hsl,
  lighter,
  line,
  path,
  shaded,
  type Colour,
} from "./svg.js";

const ink = hsl(225, 30, 12);

function stripes(random: Random, colour: Colour, half: number): string {
  const count = random.integer(2, 4);
  return random.repeat(count, (index) => {
    const x = -28 + (index * 62) / count;
    const reach = half * Math.sqrt(1 - (x / 78) ** 2) * 0.86;
    return line(`M ${x} ${-reach} Q ${x + 9} 0 ${x} ${reach}`, colour, random.between(6, 10), {
      "stroke-linecap": "butt",
    });
  });
}

function scales(random: Random, colour: Colour, half: number): string {
  return random.repeat(15, (index) => {
    const x = -24 + (index % 5) * 17;
    const y = (Math.floor(index / 5) - 1) * half * 0.42 + (index % 2) * 5;
    return line(`M ${x} ${y - 6} q 10 6 0 12`, colour, 2);
  });
}

/** A fish seen from the side, with fins, and scales or stripes. */
export function drawFish(random: Random): string {
  const skin = random.chance(0.5)
    ? hsl(random.between(14, 44), random.between(75, 95), random.between(50, 60))
    : anyColour(random);
  const fin = random.chance(0.5) ? lighter(skin, -14) : anyColour(random);
  const half = random.between(30, 58);
  const fork = random.between(64, 84);
  const tailHeight = random.between(28, 46);
  const body =
    `M -90 4 C -66 ${-half * 1.2} 10 ${-half * 1.45} 66 -7 L 66 7 ` +
    `C 10 ${half * 1.45} -66 ${half * 1.2} -90 4 Z`;
  const tail =
    `M 56 0 C 72 -12 84 ${-tailHeight} 98 ${-tailHeight} ` +
    `Q ${fork} 0 98 ${tailHeight} C 84 ${tailHeight} 72 12 56 0 Z`;
  const top = -half * 0.86;
  const marking = lighter(skin, random.chance(0.5) ? 32 : -24);
  const bubbles = random.repeat(3, (index) =>
    circle(-92 - index * 4, -34 - index * 20, 7 - index * 1.6, "#ffffff", {
      ...noOutline,
      "fill-opacity": 0.5,
    }),
  );
  return [
    shaded(fin, (fill) => path(tail, fill)),
    path(`M -34 ${top + 6} C -20 ${top - 34} 26 ${top - 26} 42 ${top + 22} Z`, fin),
    path(`M 0 ${-top - 8} C 8 ${24 - top} 26 ${18 - top} 30 ${-top - 20} Z`, fin),
    shaded(skin, (fill) => path(body, fill)),
    random.chance(0.5) ? stripes(random, marking, half) : scales(random, marking, half),
    line(`M -42 ${-half * 0.55} Q -26 0 -42 ${half * 0.55}`, lighter(skin, -22), 3),
    group("translate(-18 10)", path("M 0 0 C 14 -12 34 -8 38 4 C 28 18 10 16 0 0 Z", fin)),
    circle(-62, -8, random.between(8, 11), "white"),
    circle(-64, -8, 5.4, ink, noOutline),
    highlight(-66, -10, 2, 2, 0.9),
    line("M -86 13 Q -76 19 -68 15", lighter(skin, -34), 3),
    random.chance(0.4) ? bubbles : "",
  ].join("");
}
