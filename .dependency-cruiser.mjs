/** The import rule of import-rule.json, checked by `make test`; ARCHITECTURE.md has it as a table. */
import { readFileSync } from "node:fs";

const { folders, packages } = JSON.parse(
  readFileSync(`${import.meta.dirname}/import-rule.json`, "utf8"),
);

/** The files of a folder, or one file. */
const pattern = (path) => `^${path.replaceAll(".", "\\.")}${path.endsWith(".ts") ? "$" : "/"}`;
/** Everything in the repository; what packages and Node export lies elsewhere. */
const ours = "^(?:src|owners|client|emulator|scripts|bench|fuzz|soak|test|models|appdir|deploy)/";

const onlyItsImports = ({ paths, imports, types = [] }) => {
  const own = paths.map(pattern);
  const rules = [
    {
      name: `${paths[0]}-imports-what-it-may`,
      comment: `import-rule.json: ${[...imports, ...types].join(", ") || "nothing of ours"}`,
      severity: "error",
      from: { path: own },
      to: { path: ours, pathNot: [...own, ...[...imports, ...types].map(pattern)] },
    },
  ];
  if (types.length === 0) return rules;
  return [
    ...rules,
    {
      name: `${paths[0]}-imports-types-alone`,
      comment: `import-rule.json: nothing but types of ${types.join(", ")}; they vanish when compiled`,
      severity: "error",
      from: { path: own },
      to: {
        path: types.map(pattern),
        pathNot: imports.map(pattern),
        dependencyTypesNot: ["type-only"],
      },
    },
  ];
};

const listed = {
  name: "every-folder-is-in-the-rule",
  comment: "import-rule.json says for each file what it may import",
  severity: "error",
  from: {
    path: ours,
    pathNot: ["^test/", "\\.mjs$", ...folders.flatMap(({ paths }) => paths.map(pattern))],
  },
  to: {},
};

const onlyFrom = ([packageName, allowed]) => ({
  name: `${packageName}-stays-in-its-place`,
  comment: `in src and owners, ${packageName} is imported by ${allowed.join(" and ")} alone`,
  severity: "error",
  from: { path: "^(src|owners)/", pathNot: allowed.map(pattern) },
  to: { path: `node_modules/${packageName}/` },
});

export default {
  forbidden: [
    { name: "no-circles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "nothing-unused",
      severity: "error",
      from: {
        orphan: true,
        path: "^(src|owners|client|emulator|scripts|bench|fuzz|soak)/",
        pathNot: ["^(src|owners)/main\\.ts$", "^src/image/assembly/", "\\.d\\.ts$"],
      },
      to: {},
    },
    listed,
    ...folders.flatMap(onlyItsImports),
    ...Object.entries(packages).map(onlyFrom),
    {
      name: "variables-are-removed-before-a-package-is-loaded",
      comment: "what main.ts imports statically loads no package: packages read variables then",
      severity: "error",
      from: {
        path: "^src/(main|bounds/timers|line-writer|errors|process/.*|native/(leave|poll|process-memory)|secrets/key-file|crypto/aes-key)\\.ts$",
      },
      to: {
        pathNot: [
          "^node:|^(crypto|inspector|os|fs|tty|timers|path|util)(/|$)",
          "^src/(bounds/timers|line-writer|errors|serve)\\.ts$",
          "^src/(process/.*|native/(leave|poll|koffi|process-memory)|secrets/key-file|crypto/aes-key)\\.ts$",
        ],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "no-development-packages-in-production",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.check.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node"] },
  },
};
