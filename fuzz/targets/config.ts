import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkForEnclave } from "../../src/config/enclave.js";
import { loadConfig } from "../../src/config/load.js";
import { configWarnings } from "../../src/config/warnings.js";
import { projectFile } from "../project.js";
import { attempt, hasCode } from "../refusal.js";
import type { Target } from "../target.js";

/** config.json: the result is a configuration, or an error of one line that says what to correct. */
export const config: Target = {
  name: "config",
  parsers: [
    "src/config/load.ts",
    "src/config/json-keys.ts",
    "src/config/schema.ts",
    "src/config/schema/inference.ts",
    "src/config/schema/secret.ts",
    "src/config/service-names.ts",
    "src/config/enclave.ts",
    "src/config/key-names.ts",
    "src/config/key-rules.ts",
    "src/zod-issues.ts",
    "src/config/warnings.ts",
  ],
  mutation: "json",
  maxBytes: 32_768,
  prepare(scratch) {
    const file = join(scratch, "config.json");
    return Promise.resolve({
      seeds: [projectFile("config.json")],
      check: (input) => check(input, file),
    });
  },
};

async function check(input: Uint8Array, file: string): Promise<string> {
  writeFileSync(file, input);
  const result = await attempt(
    () => loadConfig(file, { enclave: false }),
    hasCode("CONFIG_INVALID"),
  );
  if ("refusal" in result) return result.refusal.message.replace(file, "").replace(/; got .*/u, "");
  const { config: read, keyNames } = result.value;
  assert(Object.isFrozen(read.Inference.Limits), "a configuration that can be changed");
  const ids = read.Secret.map((secret) => secret.ID);
  const jwe = [...keyNames.images, ...(keyNames.results === undefined ? [] : [keyNames.results])];
  const legacy = keyNames.legacyImage === undefined ? [] : [keyNames.legacyImage];
  for (const id of [keyNames.model, ...jwe, ...legacy])
    assert(ids.includes(id), "a key of no entry");
  assert(!legacy.some((id) => jwe.includes(id)), "a key with two uses");
  assert(![...jwe, ...legacy].includes(keyNames.model), "an owner with the model's key");
  const { problems, settings } = checkForEnclave(JSON.parse(new TextDecoder().decode(input)));
  assert((settings === undefined) === problems.length > 0, "an enclave refused without a reason");
  // The configuration with its defaults written out is read as the same configuration.
  writeFileSync(file, JSON.stringify(read));
  const { config, keyNames: names } = await loadConfig(file, { enclave: false });
  assert.deepEqual(
    { config, keyNames: names },
    { config: result.value.config, keyNames },
    "a configuration that is read otherwise once it is written",
  );
  return `read ${configWarnings(result.value).length}`;
}
