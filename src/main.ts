import { shareHeaps } from "./native/process-memory.js";
import { ProcessEnd } from "./process/end.js";
import { removeUnnamedVariables } from "./process/variables.js";

// The imports above load no package: packages read variables while they are loaded.
const earlyVariables = removeUnnamedVariables(process.env);
const end = new ProcessEnd();
const unhandledSignals = end.watch();
await end.prepare();
// Before packages start threads, each of which would get a heap of its own.
await shareHeaps();
const { serve } = await import("./serve.js");
await serve({ end, earlyVariables, unhandledSignals });
