import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Family, Series } from "../helpers/exposition.js";
import { flat } from "../helpers/pictures.js";
import { encrypt } from "../helpers/scene.js";
import { startScrapedServer, type ScrapedServer } from "../helpers/scraped-server.js";
import { projectFolder } from "../helpers/server-process.js";
import { upload } from "../helpers/upload.js";

let scraped: ScrapedServer;
let first: Family[];

beforeAll(async () => {
  scraped = await startScrapedServer();
  first = await scraped.scrape();
});

afterAll(async () => {
  await scraped.close();
});

const identity = ({ name, labels }: Series): string => name + JSON.stringify(labels);
const ours = (families: readonly Family[]): Family[] =>
  families.filter(({ name }) => name.startsWith("confml_"));
const seriesOf = (families: readonly Family[], name: string): Series[] =>
  families.find((family) => family.name === name)?.series ?? [];

describe("a scrape of the running server", () => {
  test("follows Prometheus' naming: counters and they alone end in _total, times are in seconds", () => {
    for (const { name, help, type, series } of first) {
      expect([name, type === "counter"]).toEqual([name, name.endsWith("_total")]);
      expect(name).not.toMatch(/_(?:ms|milliseconds|minutes|kb|mb)(?:_|$)/u);
      expect(help).not.toBe("");
      if (name.startsWith("confml_")) expect([name, series.length > 0]).toEqual([name, true]);
    }
  });

  test("has every counter and histogram of ours at 0, before any request", () => {
    const started = ours(first).filter(({ type }) => type === "counter" || type === "histogram");
    expect(started.length).toBeGreaterThan(6);
    expect(started.flatMap(({ series }) => series).filter(({ value }) => value !== 0)).toEqual([]);
  });

  test("names the build and the model", () => {
    expect(seriesOf(first, "confml_build_info")).toHaveLength(1);
    const [model] = seriesOf(first, "confml_model_info");
    const sha256 = scraped.scene.inference.Model["Sha256"];
    expect(model).toMatchObject({ value: 1, labels: { name: "colours", sha256 } });
    for (const secret of ["ModelKey", "ImageKey", "SealKey"]) {
      expect(seriesOf(first, "confml_release_retries_total")).toContainEqual({
        name: "confml_release_retries_total",
        labels: { secret },
        value: 0,
      });
    }
  });

  test("has the same series after requests of every kind, whatever the client writes", async () => {
    const { server, scene } = scraped;
    const picture = await flat("red").png().toBuffer();
    expect((await upload(server.port, "red.png", picture)).text).toContain("red");
    const sealed = encrypt(picture, scene.imageKey);
    expect((await upload(server.port, "a.encrypted", sealed)).text).toContain("red");
    expect((await upload(server.port, "a.encrypted", Buffer.alloc(32))).text).toContain("REJECTED");
    const origin = `http://127.0.0.1:${server.port}`;
    const ask = async (path: string, method = "GET"): Promise<number> =>
      (await fetch(origin + path, { method })).status;
    expect(await ask("/secret-of-a-client?x=secret-of-a-client")).toBe(404);
    expect(await ask("/v2/models/secret-of-a-client")).toBe(404);
    expect(await ask("/evaluate", "PROPFIND")).toBe(405);
    expect(await ask("/openapi.json")).toBe(200);
    expect(await ask("/v2/models/colours/infer", "POST")).toBe(400);
    expect(await ask("/v2/models/secret-of-a-client/versions/1/infer", "POST")).toBe(404);
    expect(await ask("/evaluate", "POST")).toBe(400);
    for (const path of ["/", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/colours"]) {
      for (const method of ["GET", "HEAD"]) expect(await ask(path, method)).toBe(200);
    }
    const second = await scraped.scrape();
    const all = (families: Family[]): string[] =>
      ours(families).flatMap(({ series }) => series.map(identity));
    expect(all(second)).toEqual(all(first));
    expect(JSON.stringify(second)).not.toContain("secret-of-a-client");
    expect(sumOf(seriesOf(second, "confml_requests_total"))).toBe(20);
    expect(seriesOf(second, "confml_requests_in_flight")[0]?.value).toBe(0);
    const sums = seriesOf(second, "confml_request_duration_seconds").filter(
      ({ name, value }) => name.endsWith("_sum") && value > 0,
    );
    expect(sums.length).toBeGreaterThan(5);
    // Whole milliseconds would be multiples of 0.001.
    expect(sums.some(({ value }) => Math.abs(value * 1000 - Math.round(value * 1000)) > 1e-6)).toBe(
      true,
    );
  });
});

function sumOf(series: readonly Series[]): number {
  return series.reduce((sum, { value }) => sum + value, 0);
}

describe("docs/operator.md", () => {
  test("lists the metrics of the scrape, with their types, labels and meanings", () => {
    const page = readFileSync(join(projectFolder, "docs/operator.md"), "utf8");
    const rows = [...page.matchAll(/^\| `(confml_\w+)` +\| (\w+) +\| (.*?) +\| (.*?) +\|$/gmu)];
    const listed = rows.map(([, name, type, labels, help]) => ({ name, type, labels, help }));
    const labelsOf = ({ series: [one] }: Family): string =>
      Object.keys(one?.labels ?? {})
        .filter((label) => label !== "le")
        .map((label) => `\`${label}\``)
        .join(", ");
    expect(listed).toEqual(
      ours(first)
        .map((family) => ({
          name: family.name,
          type: family.type,
          labels: labelsOf(family),
          help: family.help,
        }))
        .sort((a, b) => a.name.localeCompare(b.name)),
    );
  });
});
