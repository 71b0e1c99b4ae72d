import eslint from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";
import { timerDelay } from "./eslint.timers.mjs";

export default defineConfig(
  { ignores: ["dist/", "build/", "appdir/", ".demo/", "coverage/", "src/image/assembly/"] },
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.check.json" } },
    rules: {
      // Numbers and booleans in messages read well; anything else must be made a string on purpose.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "no-console": "error",
    },
  },
  {
    files: ["client/page/**/*.ts"],
    languageOptions: { parserOptions: { project: "./tsconfig.page.json" } },
  },
  {
    files: ["src/**/*.ts", "owners/**/*.ts", "emulator/**/*.ts", "scripts/**/*.ts"],
    plugins: { confml: { rules: { "timer-delay": timerDelay } } },
    rules: { "confml/timer-delay": "error" },
  },
  { files: ["scripts/**/*.ts"], rules: { "no-console": "off" } },
);
