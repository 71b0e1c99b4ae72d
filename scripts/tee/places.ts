import { join } from "node:path";
import { projectFolder } from "../project.js";

/** The output of `make appdir`. */
export const appFolder = join(projectFolder, "appdir/root");

/** The output of `make package`, which deploy/Dockerfile.sgx copies. */
export const teeFolder = join(projectFolder, "build/tee");
/** The output of `make measure`, which does not overwrite a package. */
export const measureFolder = join(projectFolder, "build/measure");
export const imageFile = join(teeFolder, "rootfs");
/** Mystikos names the package after the application, which is node. */
export const packageFile = join(teeFolder, "myst/bin/node");
