import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { checkForEnclave } from "../../src/config/enclave.js";
import { findAmbiguousKey } from "../../src/config/json-keys.js";
import { loadConfig } from "../../src/config/load.js";
import { goodConfigurations, hostileConfigurations, saying } from "./hostile-configurations.js";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-enclave-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function load(text: string, enclave: boolean): ReturnType<typeof loadConfig> {
  const file = join(folder, "config.json");
  await writeFile(file, text);
  return loadConfig(file, { enclave });
}

describe("a configuration of an enclave", () => {
  test.each(goodConfigurations)("may have %s", async (_, text) => {
    await expect(load(text, true)).resolves.toBeDefined();
  });

  test.each(hostileConfigurations)("is refused with $title", async ({ text, says }) => {
    const attempt = load(text, true);
    await expect(attempt).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(attempt).rejects.toThrow(saying(says));
    await expect(attempt).rejects.not.toThrow("\n");
  });

  test("is refused with the first problem and the number of further ones", async () => {
    const text = hostileConfigurations[0]?.text.replace('"Debug": 0', '"Debug": 1') ?? "";
    await expect(load(text, true)).rejects.toThrow(
      /Debug: .*got 1 \(1 more to correct after it\)/u,
    );
    const problems = checkForEnclave(JSON.parse(text)).problems.map(({ where }) => where);
    expect(problems).toEqual(["Debug", "HostEnvironmentVariables[2]"]);
  });

  test("is refused with every unknown key named", () => {
    const where = checkForEnclave({ NoBrk: true, ForkMode: "" }).problems.map((one) => one.where);
    expect(where).toEqual(expect.arrayContaining(["NoBrk", "ForkMode"]));
  });
});

describe("outside an enclave", () => {
  test("other settings of Mystikos are accepted, except variables that name the platform", async () => {
    for (const { title, text } of hostileConfigurations) {
      const alwaysRefused = /^(?:a key twice|a key in two cases|a key with|an inner|an entry's)/u;
      const isPlatform = /MYST_|"EnvironmentVariables": \[[^\]]*5|"HostEnvironmentVariables": "/u;
      const isRefused = alwaysRefused.test(title) || isPlatform.test(text);
      const outcome = await load(text, false).then(
        () => false,
        () => true,
      );
      expect([title, outcome]).toEqual([title, isRefused]);
    }
  });
});

describe("the search for a key that two parsers may read differently", () => {
  test.each<[string, string | undefined]>([
    ["{}", undefined],
    ['{"a":{"a":[{"a":1},{"a":2}]},"b":"a"}', undefined],
    ['{"a":"\\"a\\":","b":["a","a"]}', undefined],
    ['{"a":1,"b":{"c":1},"a":2}', "repeated a"],
    ['{"b":{"c":{"d":1,"e":[],"D":1}}}', "repeated b.c.D"],
    ['[{"a":[{"x":1},{"y":1,"y":1}]}]', "repeated a.y"],
    ['{"\\u0061":1}', "escaped a"],
    ['{"a\\\\":1}', "escaped a\\"],
    ['{"":1,"":2}', "repeated "],
    ['{"__proto__":1,"__proto__":2}', "repeated __proto__"],
  ])("in %s finds %s", (text, expected) => {
    const found = findAmbiguousKey(text);
    expect(found && `${found.kind} ${found.path.join(".")}`).toBe(expected);
  });

  test("works on a text of megabytes", () => {
    const long = JSON.stringify({ a: '\\"{'.repeat(1_000_000), b: 1 });
    expect(findAmbiguousKey(long)).toBeUndefined();
    expect(findAmbiguousKey(`${long.slice(0, -1)},"B":2}`)?.path).toEqual(["B"]);
  });
});
