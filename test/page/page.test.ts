import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { measurements } from "../helpers/attested-server.js";
import { missingBrowser, openPage, startBrowser, type WatchedPage } from "../helpers/browser.js";
import { startPageServer, type PageServer } from "../helpers/page-server.js";
import { flat } from "../helpers/pictures.js";
import { imageKeys } from "../helpers/test-app.js";

if (missingBrowser !== undefined) process.stderr.write(`skipped: ${missingBrowser}\n`);
const inBrowser = missingBrowser === undefined ? describe : describe.skip;

const builtPage = new URL("../../dist/http/page.html", import.meta.url).href;
const file = (name: string, buffer: Uint8Array, mimeType = "application/octet-stream") => ({
  name,
  mimeType,
  buffer: Buffer.from(buffer),
});
const policyFor = (mrenclave: string) =>
  file(
    "policy.json",
    Buffer.from(
      JSON.stringify({
        version: "1.0.0",
        anyOf: [{ allOf: [{ claim: "x-ms-sgx-mrenclave", equals: mrenclave }] }],
      }),
    ),
  );

let server: PageServer;
let browser: Browser;
let red: Buffer;
let green: Buffer;
const open: Page[] = [];

async function openServed(
  url = server.url,
  options?: Parameters<typeof openPage>[2],
): Promise<WatchedPage> {
  const watched = await openPage(browser, url, options);
  open.push(watched.page);
  server.seen.length = 0;
  return watched;
}

async function chooseAttested(page: Page, mrenclave: string = measurements.mrenclave) {
  await page.setInputFiles("#policy", policyFor(mrenclave));
  await page.setInputFiles("#root", file("root.pem", Buffer.from(server.rootPem)));
}

async function chooseKey(page: Page, key: Uint8Array = imageKeys.First) {
  await page.check("#mode-key");
  await page.setInputFiles("#key", file("seal.key", key));
  await page.fill("#kid", "First");
}

/** Adds pictures, and classifies them. @returns the text of the status, once it matches */
async function classify(page: Page, says: RegExp, ...pictures: ReturnType<typeof file>[]) {
  await page.setInputFiles("#choose", pictures);
  await page.click("#classify");
  await page.locator("#status", { hasText: says }).waitFor({ timeout: 15_000 });
  return page.locator("#pictures").innerText();
}

function posts(): Buffer[] {
  return server.seen.filter(({ method }) => method === "POST").map(({ body }) => body);
}

/** Whether a body has the picture's bytes, as they are or in base64. */
function holds(body: Buffer, picture: Buffer): boolean {
  return (
    body.includes(picture.subarray(16, 48)) ||
    [0, 1, 2].some((shift) =>
      body.includes(picture.subarray(18 + shift, 48 + shift).toString("base64")),
    )
  );
}

inBrowser("the page", () => {
  beforeAll(async () => {
    server = await startPageServer({ cors: "null", labels: ["<i>red</i>", "green", "blue"] });
    browser = await startBrowser();
    red = await flat("red").png().toBuffer();
    green = await flat("green").png().toBuffer();
  });

  afterEach(async () => {
    server.before.request = () => undefined;
    await Promise.all(open.splice(0).map((page) => page.close()));
  });

  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  test("encrypts to the attested server, and says that emulated evidence proves nothing", async () => {
    const { page, complaints, requests } = await openServed();
    expect(await page.isVisible("#emulated")).toBe(false);
    await chooseAttested(page);
    expect(await page.innerText("#emulated")).toContain("EMULATED: proves nothing");
    const shown = await classify(page, /2 of 2/u, file("red.png", red), file("green.png", green));
    expect(shown).toMatch(/red\.png[\s\S]*<i>red<\/i>\s+\d+\.\d %[\s\S]*green\.png/u);
    expect(shown).toContain("Sent and answered encrypted, to the attested key.");
    expect(await page.innerText("#verdict")).toBe("EMULATED: proves nothing");
    expect(await page.innerText("#verified")).toContain(measurements.mrenclave);
    expect(posts()).toHaveLength(2);
    for (const body of posts()) {
      expect([holds(body, red), holds(body, green)]).toEqual([false, false]);
      expect(body.toString("latin1")).toMatch(/\r\n\r\neyJ[\w-]+\.[\w-]+\./u);
    }
    expect(requests.filter((url) => !url.startsWith(`${server.url}/`))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("sends nothing to a server that does not meet the policy", async () => {
    const { page } = await openServed();
    await chooseAttested(page, "cd".repeat(32));
    await classify(page, /Nothing was sent.*MRENCLAVE_REFUSED/u, file("red.png", red));
    expect(await page.innerText("#verified")).toContain("NOT met");
    expect(await page.getAttribute("#panel", "data-verdict")).toBe("refused");
    expect(posts()).toEqual([]);
  });

  test("sends nothing where no root is trusted but Intel's", async () => {
    const { page } = await openServed();
    await page.setInputFiles("#policy", policyFor(measurements.mrenclave));
    await classify(page, /Nothing was sent.*ROOT_UNTRUSTED/u, file("red.png", red));
    expect(posts()).toEqual([]);
  });

  test("sends nothing without a policy, and not because pictures are waiting", async () => {
    const { page } = await openServed();
    await classify(page, /Choose a policy file/u, file("red.png", red));
    expect(server.seen).toEqual([]);
  });

  test("encrypts with a key file, and verifies nothing then", async () => {
    const { page, complaints } = await openServed();
    await chooseKey(page);
    const shown = await classify(page, /1 of 1/u, file("red.png", red));
    expect(shown).toContain("Sent and answered encrypted, under your key.");
    expect(await page.innerText("#verdict")).toBe("Nothing is verified.");
    const [body = Buffer.alloc(0)] = posts();
    expect([holds(body, red), body.includes(imageKeys.First)]).toEqual([false, false]);
    expect(complaints).toEqual([]);
  });

  test("says in words what is wrong with a key", async () => {
    const { page } = await openServed();
    await chooseKey(page, Buffer.alloc(64));
    await classify(page, /exactly 32 raw bytes, got 64 bytes/u, file("red.png", red));
    expect(server.seen).toEqual([]);
    await chooseKey(page, imageKeys.Second);
    await page.click("#classify");
    await page.locator("#status", { hasText: "1 failed" }).waitFor();
    expect(await page.innerText("#pictures")).toMatch(/another key.*ENCRYPTED_IMAGE_REJECTED/u);
  });

  test("sends plain pictures only where that is chosen, under a warning", async () => {
    const { page } = await openServed();
    await page.check("#mode-plain");
    expect(await page.innerText("#plain-row")).toContain("Not protected");
    await classify(page, /1 of 1/u, file("red.png", red));
    expect(posts().map((body) => holds(body, red))).toEqual([true]);
    expect(await page.innerText("#verdict")).toBe("Nothing is verified.");
  });

  test("says in words what is wrong with HEIC and with 40 MB", async () => {
    const { page } = await openServed();
    await page.check("#mode-plain");
    const heic = Buffer.concat([Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic"), red]);
    const large = Buffer.concat([red, Buffer.alloc(40_000_000)]);
    const shown = await classify(
      page,
      /2 failed/u,
      file("photo.heic", heic),
      file("large.png", large),
    );
    expect(shown).toMatch(/photo\.heic[\s\S]*HEIC, which iPhones write[\s\S]*IMAGE_UNSUPPORTED/u);
    expect(shown).toMatch(/large\.png[\s\S]*Make the picture smaller[\s\S]*UPLOAD_TOO_LARGE/u);
  });

  test("says in words that the server went away, and sends the picture once it is back", async () => {
    const { page } = await openServed();
    await chooseKey(page);
    server.before.request = (_url, destroy) => {
      destroy();
    };
    const shown = await classify(page, /1 failed/u, file("red.png", red));
    expect(shown).toContain("cannot be reached");
    server.before.request = () => undefined;
    await page.click("#classify");
    await page.locator("#status", { hasText: "1 of 1 classified" }).waitFor();
  });

  test("cancels", async () => {
    const { page } = await openServed();
    await chooseKey(page);
    let release = (): void => undefined;
    server.before.request = () => new Promise((resolve) => (release = resolve));
    await page.setInputFiles("#choose", [file("red.png", red)]);
    await page.click("#classify");
    await page.locator("#pictures", { hasText: "Sending" }).waitFor();
    await page.click("#cancel");
    await page.locator("#pictures", { hasText: "Cancelled." }).waitFor();
    expect(await page.isEnabled("#classify")).toBe(true);
    release();
  });

  test("speaks with no other server where it was served", async () => {
    const { page, complaints } = await openServed();
    await page.fill("#server", "http://127.0.0.1:1");
    await page.check("#mode-plain");
    const shown = await classify(page, /1 failed/u, file("red.png", red));
    expect(shown).toContain("cannot be reached");
    expect(complaints.join()).toContain("connect-src 'self'");
  });

  test("verifies a server from a file on the owner's disk", async () => {
    const { page, complaints } = await openServed(builtPage);
    expect(await page.innerText("#origin")).toContain("opened from your own disk");
    await page.fill("#server", server.url);
    await chooseAttested(page);
    await page.click("#verify");
    await page.locator("#status", { hasText: "EMULATED" }).waitFor();
    await classify(page, /1 of 1/u, file("red.png", red));
    expect(posts().map((body) => holds(body, red))).toEqual([false]);
    expect(complaints).toEqual([]);
  });

  test("says that a page which came from the server proves nothing", async () => {
    const { page } = await openServed();
    const notice = await page.innerText("#origin");
    expect(notice).toContain("came from the server, so it proves nothing about the server");
  });

  test("can be used with the keyboard alone", async () => {
    const { page } = await openServed();
    // Early: the browser hands the dialog over only some time after this.
    const choosing = page.waitForEvent("filechooser");
    const focused = (): Promise<string | null> => page.locator(":focus").getAttribute("id");
    const tabTo = async (id: string): Promise<void> => {
      for (let presses = 0; presses < 25; presses += 1) {
        await page.keyboard.press("Tab");
        if ((await page.locator(":focus").count()) > 0 && (await focused()) === id) return;
      }
      throw new Error(`the Tab key does not lead to ${id}`);
    };
    await tabTo("mode-attested");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    expect(await page.isChecked("#mode-plain")).toBe(true);
    await tabTo("choose");
    await page.keyboard.press("Enter");
    await (await choosing).setFiles([file("red.png", red)]);
    await tabTo("camera");
    await tabTo("classify");
    await page.keyboard.press("Enter");
    await page.locator("#status", { hasText: "1 of 1" }).waitFor();
    expect(await focused()).toBe("classify");
  });

  test.each(["light", "dark"] as const)(
    "has nothing that axe-core objects to (%s)",
    async (scheme) => {
      const { page } = await openServed(undefined, { colorScheme: scheme });
      await chooseAttested(page);
      await classify(page, /1 of 2/u, file("red.png", red), file("none.heic", Buffer.alloc(9)));
      const violations = await runAxe(page);
      expect(violations).toEqual([]);
    },
  );

  test.each([
    ["360 px", { width: 360, height: 640 }, 1],
    ["1280 px at 200 %", { width: 640, height: 400 }, 2],
    ["4K", { width: 3840, height: 2160 }, 1],
  ])("needs no scrolling sideways: %s", async (_title, viewport, deviceScaleFactor) => {
    const { page } = await openServed(undefined, { viewport, deviceScaleFactor });
    await chooseAttested(page);
    await classify(page, /1 of 1/u, file(`${"name".repeat(40)}.png`, red));
    const root = page.locator("html");
    expect(
      await root.evaluate((element: object) => Number(Reflect.get(element, "scrollWidth"))),
    ).toBe(viewport.width);
  });
});

/** Through the debugger, because the page's Content-Security-Policy permits no other script. */
async function runAxe(page: Page): Promise<unknown[]> {
  const source = await readFile(
    createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
    "utf8",
  );
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: source });
  const { result } = await session.send("Runtime.evaluate", {
    expression: `axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) =>
      [id, ...nodes.map(({ html, failureSummary }) => html.slice(0, 200) + failureSummary)])))`,
    awaitPromise: true,
  });
  return JSON.parse(String(result.value)) as unknown[];
}
