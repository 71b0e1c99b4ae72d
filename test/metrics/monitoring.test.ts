import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { z } from "zod";
import type { Family } from "../helpers/exposition.js";
import { faultsOfExpression } from "../helpers/promql.js";
import { startScrapedServer, type ScrapedServer } from "../helpers/scraped-server.js";
import { projectFolder } from "../helpers/server-process.js";

const folder = join(projectFolder, "deploy/monitoring");
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

const rules = z
  .object({
    groups: z.array(
      z.object({
        name: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^Confml[A-Z]\w+$/u),
            expr: z.string(),
            for: z.string().optional(),
            labels: z.strictObject({ severity: z.enum(["page", "ticket"]) }),
            annotations: z.strictObject({ summary: z.string(), description: z.string() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(read("alerts.yaml")))
  .groups.flatMap((group) => group.rules);

const dashboard = z
  .object({
    uid: z.literal("confml"),
    templating: z.object({
      list: z.array(z.object({ name: z.string(), type: z.string(), query: z.string() })),
    }),
    panels: z.array(
      z.object({
        id: z.number(),
        title: z.string(),
        datasource: z.object({ uid: z.literal("${datasource}") }),
        targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })),
      }),
    ),
  })
  .parse(JSON.parse(read("dashboard.json")));
const targets = dashboard.panels.flatMap((panel) =>
  panel.targets.map(({ expr, legendFormat }): [string, string, string] => [
    panel.title,
    expr,
    legendFormat,
  ]),
);

let scraped: ScrapedServer;
let families: Family[];

beforeAll(async () => {
  scraped = await startScrapedServer();
  families = await scraped.scrape();
});

afterAll(async () => {
  await scraped.close();
});

describe("deploy/monitoring/alerts.yaml", () => {
  test.each(rules.map(({ alert, expr }) => [alert, expr]))(
    "%s parses, and selects series of a real scrape",
    (_alert, expr) => {
      expect(faultsOfExpression(expr, families)).toEqual([]);
    },
  );

  test("has each alert once, and a test for it", () => {
    const names = rules.map(({ alert }) => alert);
    expect(names.length).toBeGreaterThan(9);
    expect(new Set(names).size).toBe(names.length);
    const tests = read("alerts.test.yaml");
    expect(names.filter((name) => !tests.includes(`alertname="${name}"`))).toEqual([]);
  });

  const promtool = spawnSync("promtool", ["--version"]).error === undefined;
  if (!promtool) {
    process.stderr.write(
      "skipped: promtool's tests of the alert rules, because it is not on PATH (Debian: prometheus)\n",
    );
  }
  (promtool ? test : test.skip)("passes promtool's checks and its own tests", () => {
    for (const words of [
      ["check", "rules", "alerts.yaml"],
      ["test", "rules", "alerts.test.yaml"],
    ]) {
      const { status, stdout, stderr } = spawnSync("promtool", words, {
        cwd: folder,
        encoding: "utf8",
      });
      expect([status, status === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
    }
  });
});

describe("deploy/monitoring/dashboard.json", () => {
  test.each(targets)("%s: %s parses, and selects series of a real scrape", (_title, expr) => {
    expect(faultsOfExpression(expr, families)).toEqual([]);
  });

  test("shows every metric of the server's", () => {
    const shown = targets.map(([, expr]) => expr).join("\n");
    const ours = families.filter(({ name }) => name.startsWith("confml_"));
    expect(ours.filter(({ name }) => !shown.includes(name)).map(({ name }) => name)).toEqual([]);
  });

  test("uses the variables that it defines, and gives each panel an ID", () => {
    const defined = dashboard.templating.list.map(({ name }) => name);
    const used = read("dashboard.json").matchAll(/\$\{?(?!__)(\w+)\}?/gu);
    expect([...new Set([...used].map(([, name]) => name))].sort()).toEqual(defined.sort());
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the check of an expression", () => {
  test.each([
    ["rate(confml_requests_total[5m]", "does not parse"],
    ["rate(confml_request_total[5m])", "no series confml_request_total"],
    ['confml_image_key{state="gone"}', "no series confml_image_key with"],
    ['confml_image_key{stage=~"stale|missing"}', "no series confml_image_key with"],
    ["sum by (owner) (confml_image_key)", "groups by owner"],
    ["vector(1)", "selects no metric"],
  ])("finds what is wrong with %s", (expr, fault) => {
    expect(faultsOfExpression(expr, families).join("\n")).toContain(fault);
  });
});
