import { projectFiles } from "./project.js";

/** Reads the tests' pictures with matching names; each has less than 4 KB. */
export function pictureSeeds(names: RegExp): Buffer[] {
  return projectFiles("test/fixtures/images", names);
}
