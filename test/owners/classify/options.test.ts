import { describe, expect, test } from "@jest/globals";
import { readClassifyOptions } from "../../../owners/classify/options.js";

const policy = ["--policy", "policy.json"];
const key = ["--key", "data.key", "--kid", "DataKey"];

describe("the options of confml classify", () => {
  test.each([
    ["https://a.example", policy, "pinned"],
    ["HTTPS://a.example", policy, "pinned"],
    ["http://a.example", [...policy, "--no-tls"], "usual"],
    ["https://a.example", key, "usual"],
    ["http://a.example", key, "usual"],
  ])("reach %s with %j over a connection that is %s", (url, words, connects) => {
    expect(readClassifyOptions([url, ...words, "a.jpg"])).toMatchObject({ connects, plain: false });
  });

  test.each([
    [["https://a.example", "a.jpg"], "give --policy, or --key with --kid"],
    [["https://a.example", "--plain", ...policy, "a.jpg"], "give --policy, or --key with --kid"],
    [["http://a.example", ...policy, "a.jpg"], "--no-tls"],
    [["https://a.example", "--key", "data.key", "a.jpg"], "--key and --kid together"],
    [["https://a.example", ...key, "--receipts", "a.jpg"], "--receipts needs --policy"],
    [["https://a.example", ...policy, "--json", "--csv", "a.jpg"], "--json or --csv"],
    [["https://a.example", ...policy, "-j", "0", "a.jpg"], "--jobs wants a whole number"],
    [["a.example", ...policy, "a.jpg"], "URL wants the server's address"],
    [["https://a.example", ...policy], "one FILE"],
  ])("refuse %j", (words, message) => {
    expect(() => readClassifyOptions(words)).toThrow(message);
  });
});
