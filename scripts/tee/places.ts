import { join } from "node:path";
import { projectFolder } from "../project.js";

/** What `make appdir` makes. */
export const appFolder = join(projectFolder, "appdir/root");

/** What `make package` makes; deploy/Dockerfile.sgx copies it as it is. */
export const teeFolder = join(projectFolder, "build/tee");
/** The same for `make measure`, which leaves a package alone. */
export const measureFolder = join(projectFolder, "build/measure");
export const imageFile = join(teeFolder, "rootfs");
/** Mystikos names it after the application. */
export const packageFile = join(teeFolder, "myst/bin/node");
