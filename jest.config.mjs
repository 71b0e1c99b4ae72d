import * as vm from "node:vm";

if (!("SourceTextModule" in vm)) {
  throw new Error(
    "expected Node's option --experimental-vm-modules, which npx sets (.npmrc): run npx jest",
  );
}

/**
 * Tests that run one after the other. Those with short deadlines, or with large pictures (plaintext), could fail on a
 * machine of two processors that runs another test beside them; others measure the memory of a process. test/scripts/tee
 * and test/e2e/packaging look at the same folder (/dev/shm).
 */
const alone = [
  "test/e2e/(?:boot-failures|chaos|clock|(?:faulty|hostile)-azure|inference-death|logging|mystikos-limits|native)\\.",
  "test/e2e/(?:plaintext|rotation|signals|stopping)\\.",
  "test/http/(?:arrival-rate|upload-memory)\\.",
  "test/image/(?:decode-memory|decode-queue|jpeg-frame|out-of-memory)\\.",
  "test/inference/",
  "test/native/process-memory\\.",
  "test/scripts/tee/",
];

const project = {
  testEnvironment: "./test/node-environment.mjs",
  extensionsToTreatAsEsm: [".ts"],
  transform: { "^.+\\.ts$": ["@swc/jest", { jsc: { target: "es2022" } }] },
  moduleNameMapper: { "^(\\.{1,2}/.*)\\.js$": "$1" },
  modulePathIgnorePatterns: ["<rootDir>/build/", "<rootDir>/dist/", "<rootDir>/appdir/root/"],
};

export default {
  // Whole processes start in the end-to-end tests, two at a time on a small machine.
  testTimeout: 60_000,
  projects: [
    {
      ...project,
      displayName: "parallel",
      testMatch: ["<rootDir>/test/**/*.test.ts"],
      testPathIgnorePatterns: ["/node_modules/", ...alone.map((path) => `<rootDir>/${path}`)],
    },
    {
      ...project,
      displayName: "alone",
      testRegex: alone.map((path) => `/${path}.*test\\.ts$`),
    },
  ],
};
