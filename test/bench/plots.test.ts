import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { plotSizes, plotThroughput } from "../../bench/plots.js";
import { sampleResults } from "./sample-results.js";

/** What a reader of the picture hears of each point: `clients: 32; pictures/s: 100; server: …`. */
function pointsOf(svg: string): string[] {
  const labels = [...svg.matchAll(/aria-label="([^"]+)" role="graphics-symbol"/gu)].map(
    ([, label]) => String(label),
  );
  // A line has the label of its first point.
  return [...new Set(labels)];
}

const svgLoader = { operation: ["VipsForeignLoadSvg"] };

describe("the plots", () => {
  // The server's decoder, if a test of this process has set it up, is closed to SVG.
  beforeAll(() => {
    sharp.unblock(svgLoader);
  });

  afterAll(() => {
    sharp.block(svgLoader);
  });

  test("of throughput have a point for each server and number of clients, twice", async () => {
    const svg = await plotThroughput(sampleResults());
    const labels = pointsOf(svg);
    expect(labels).toContain("clients: 32; pictures/s: 100; server: confml, fp32");
    expect(labels).toContain("clients: 32; p99, ms: 480; server: plain server");
    expect(labels.filter((label) => label.startsWith("clients: "))).toHaveLength(12);
  });

  test("of sizes have the server's and bare decoding's points", async () => {
    const svg = await plotSizes(sampleResults());
    const labels = pointsOf(svg);
    expect(labels).toContain("megapixels: 48; p50, ms: 900; what: confml");
    expect(labels).toContain("megapixels: 1; p50, ms: 15; what: bare decoding");
    expect(labels.filter((label) => label.startsWith("megapixels: "))).toHaveLength(4);
  });

  test("are SVG images", async () => {
    for (const svg of [await plotThroughput(sampleResults()), await plotSizes(sampleResults())]) {
      const { format, width } = await sharp(Buffer.from(svg)).metadata();
      expect(format).toBe("svg");
      expect(width).toBeGreaterThan(500);
      const { channels } = await sharp(Buffer.from(svg)).stats();
      // Something is drawn on the white.
      expect(channels[0]?.min).toBeLessThan(255);
    }
  });
});
