import { drawCat, drawDog } from "./animals.js";
import { drawAirplane, drawSailboat } from "./craft.js";
import { drawFish } from "./fish.js";
import { drawApple, drawBanana, drawStrawberry } from "./fruit.js";
import { drawMushroom, drawSunflower } from "./plants.js";
import type { Random } from "../random.js";
import { drawClock, drawCoffeeMug, drawHouse } from "./things.js";
import { drawBicycle, drawSchoolBus, drawSportsCar } from "./vehicles.js";

/** A class of the model, and how its pictures are drawn. */
export interface Subject {
  /** The name of the class, as the model reports it. */
  readonly label: string;
  /** Draws the object into a box of 100 units in each direction from the centre. @returns SVG elements */
  readonly draw: (random: Random) => string;
  /** The largest angle by which the object is rotated, in either direction. */
  readonly tiltDegrees: number;
  /** The position of its shadow, in units below the centre; absent if it does not stand on the ground. */
  readonly groundUnits?: number;
}

/** The classes in the order of the model's outputs. */
export const subjects: readonly Subject[] = [
  { label: "airplane", draw: drawAirplane, tiltDegrees: 35 },
  { label: "apple", draw: drawApple, tiltDegrees: 25, groundUnits: 74 },
  { label: "banana", draw: drawBanana, tiltDegrees: 60 },
  { label: "bicycle", draw: drawBicycle, tiltDegrees: 10, groundUnits: 74 },
  { label: "cat", draw: drawCat, tiltDegrees: 10, groundUnits: 96 },
  { label: "clock", draw: drawClock, tiltDegrees: 12 },
  { label: "coffee mug", draw: drawCoffeeMug, tiltDegrees: 10, groundUnits: 86 },
  { label: "dog", draw: drawDog, tiltDegrees: 8, groundUnits: 96 },
  { label: "fish", draw: drawFish, tiltDegrees: 25 },
  { label: "house", draw: drawHouse, tiltDegrees: 6, groundUnits: 92 },
  { label: "mushroom", draw: drawMushroom, tiltDegrees: 15, groundUnits: 90 },
  { label: "sailboat", draw: drawSailboat, tiltDegrees: 12 },
  { label: "school bus", draw: drawSchoolBus, tiltDegrees: 7, groundUnits: 68 },
  { label: "sports car", draw: drawSportsCar, tiltDegrees: 7, groundUnits: 57 },
  { label: "strawberry", draw: drawStrawberry, tiltDegrees: 30 },
  { label: "sunflower", draw: drawSunflower, tiltDegrees: 15 },
];

/** The subject with this label. @throws Error if there is none */
export function subjectOf(label: string): Subject {
  const subject = subjects.find((candidate) => candidate.label === label);
  if (subject === undefined) {
    const known = subjects.map((candidate) => candidate.label).join(", ");
    throw new Error(`no class is called "${label}"; the classes are: ${known}`);
  }
  return subject;
}
