/** The import rule of ARCHITECTURE.md, checked by `make test`. */
const leaf = (folder) => ({
  name: `${folder}-is-a-leaf`,
  comment: `src/${folder} imports nothing of ours but errors.ts`,
  severity: "error",
  from: { path: `^src/${folder}/` },
  to: { path: "^src/", pathNot: [`^src/${folder}/`, "^src/errors\\.ts$"] },
});

const onlyFrom = (packageName, folders) => ({
  name: `${packageName.replace(/\W/gu, "-")}-stays-in-its-place`,
  comment: `in src, ${packageName} is imported by ${folders.join(" and ")} alone`,
  severity: "error",
  from: { path: "^src/", pathNot: folders.map((folder) => `^src/${folder}`) },
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
        path: "^(src|emulator|scripts|bench|fuzz|soak)/",
        pathNot: ["^src/(cli/)?main\\.ts$", "^src/image/assembly/", "\\.d\\.ts$"],
      },
      to: {},
    },
    leaf("crypto"),
    leaf("image"),
    leaf("config"),
    leaf("policy"),
    leaf("onnx"),
    onlyFrom("onnxruntime-node", ["inference/", "optimize/"]),
    onlyFrom("sharp", ["image/"]),
    onlyFrom("express", ["http/"]),
    onlyFrom("multer", ["http/"]),
    onlyFrom("@azure", ["secrets/mhsm/", "cli/"]),
    onlyFrom("prom-client", ["metrics/"]),
    onlyFrom("koffi", ["native/"]),
    onlyFrom("jose", ["crypto/", "secrets/mhsm/"]),
    {
      name: "variables-are-removed-before-a-package-is-loaded",
      comment: "what main.ts imports statically loads no package: packages read variables then",
      severity: "error",
      from: {
        path: "^src/(main|timers|line-writer|errors|process/.*|native/(leave|process-memory)|secrets/key-file)\\.ts$",
      },
      to: {
        pathNot: [
          "^node:|^(inspector|os|fs|tty|timers|path|util)(/|$)",
          "^src/(timers|line-writer|errors|serve|secrets/client)\\.ts$",
          "^src/(process/.*|native/(leave|koffi|process-memory)|secrets/key-file)\\.ts$",
        ],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "http-knows-the-interface-only",
      comment: "HTTP sees a classifier, not how one is made",
      severity: "error",
      from: { path: "^src/http/" },
      to: {
        path: ["^src/model/", "^src/attestation/", "^src/inference/"],
        pathNot: ["^src/inference/(classifier|ranking)\\.ts$"],
      },
    },
    {
      name: "model-knows-no-inference",
      comment: "getting a model does not depend on what runs it",
      severity: "error",
      from: { path: "^src/model/" },
      to: { path: "^src/", pathNot: ["^src/(model|crypto|net)/", "^src/errors\\.ts$"] },
    },
    {
      name: "inference-imports",
      severity: "error",
      from: { path: "^src/inference/" },
      to: {
        path: "^src/",
        pathNot: ["^src/(inference|model|onnx|image)/", "^src/(errors|timers)\\.ts$"],
      },
    },
    {
      name: "optimizing-is-for-the-commands",
      comment: "scripts/appdir.sh removes src/optimize and src/cli from what the TEE measures",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/(optimize|cli)/"] },
      to: { path: "^src/optimize/" },
    },
    {
      name: "no-stand-ins-in-production",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(emulator|scripts|bench|fuzz|soak|test|models)/" },
    },
    {
      name: "no-development-packages-in-production",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "the-emulator-stands-alone",
      comment: "a bug in src must not be mirrored by what tests it; types vanish when compiled",
      severity: "error",
      from: { path: "^emulator/" },
      to: { path: "^src/", dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.check.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node"] },
  },
};
