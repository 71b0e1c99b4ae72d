import { projectFiles } from "./project.js";

/** The tests' pictures of some formats: each has less than 4 KB. */
export function pictureSeeds(names: RegExp): Buffer[] {
  return projectFiles("test/fixtures/images", names);
}
