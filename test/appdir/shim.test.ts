import { afterAll, beforeAll, describe } from "@jest/globals";
import { testDescriptors } from "./shim-descriptors.js";
import { testFloat128 } from "./shim-float128.js";
import { testIntegers } from "./shim-integers.js";
import { testLibrary } from "./shim-library.js";
import { testRandom } from "./shim-random.js";
import { testSort } from "./shim-sort.js";
import { testStatx } from "./shim-statx.js";
import { testUnwinding } from "./shim-unwinding.js";
import { buildShim, hasToolchain, type Shim } from "./shim.js";

const whenBuilding = hasToolchain ? describe : describe.skip;

// One file for all of them: unpacking the compiler takes longer than every test together.
whenBuilding("the shim", () => {
  let built: Shim;
  const shim = (): Shim => built;

  beforeAll(async () => {
    built = await buildShim();
  });

  afterAll(() => built.remove());

  testLibrary(shim);
  testIntegers(shim);
  testFloat128(shim);
  testRandom(shim);
  testSort(shim);
  testStatx(shim);
  testDescriptors(shim);
  testUnwinding(shim);
});
