import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { broken, downloadFrom, end, file, length, part, whole } from "./download-from.js";

beforeEach(() => {
  // Makes the random delay between attempts 0.
  jest.spyOn(Math, "random").mockReturnValue(0);
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe("a download whose connection broke", () => {
  test.each([`bytes 20000-${end}/${file.length}`, `bytes 20000-${end}/*`])(
    "resumes with Content-Range: %s",
    async (contentRange) => {
      const { done, received } = await downloadFrom([
        broken(20_000, length),
        part(20_000, contentRange),
      ]);
      await done;
      expect(Buffer.concat(received.chunks).equals(file)).toBe(true);
      expect(received.ranges).toEqual([undefined, "bytes=20000-"]);
      expect(received.starts).toEqual([file.length]);
    },
  );

  test.each([
    undefined,
    "",
    `bytes 19999-${end}/${file.length}`,
    `bytes 20001-${end}/${file.length}`,
    `bytes */${file.length}`,
    `pages 20000-${end}/${file.length}`,
  ])("starts again if the rest comes with Content-Range: %p", async (contentRange) => {
    const { done, received } = await downloadFrom([
      broken(20_000, length),
      part(20_000, contentRange),
      whole(),
    ]);
    await done;
    expect(Buffer.concat(received.chunks).equals(file)).toBe(true);
    expect(received.ranges).toEqual([undefined, "bytes=20000-", undefined]);
    expect(received.retries[1]).toContain("another range");
  });

  test("accepts the whole file as status 206, as some servers send it", async () => {
    const { done, received } = await downloadFrom([
      broken(20_000, length),
      part(20_000, undefined),
      part(0, `bytes 0-${end}/${file.length}`),
    ]);
    await done;
    expect(Buffer.concat(received.chunks).equals(file)).toBe(true);
    expect(received.starts).toHaveLength(2);
  });

  test("starts again after HTTP 416", async () => {
    const { done, received } = await downloadFrom([
      // Without a length, a broken connection after the last byte looks like an incomplete file.
      broken(file.length),
      (_request, response) => {
        response.writeHead(416, { "Content-Range": `bytes */${file.length}` }).end();
      },
      whole(),
    ]);
    await done;
    expect(Buffer.concat(received.chunks).equals(file)).toBe(true);
    expect(received.ranges).toEqual([undefined, `bytes=${file.length}-`, undefined]);
  });
});
