import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** Why there is no browser; undefined where Debian's Chromium is installed. */
export const missingBrowser = existsSync(executablePath)
  ? undefined
  : `there is no ${executablePath}: apt-get install chromium`;

const flags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Requests to loopback from pages of another address space ask the user otherwise (Chromium 142 and later).
  "--disable-features=LocalNetworkAccessChecks",
];

/** Starts Debian's Chromium without a window, with a profile of its own, which is removed at its end. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args: flags, headless: true, chromiumSandbox: false });
}

/** A page, and everything that it complained about. */
export interface WatchedPage {
  page: Page;
  /** Errors in the console, exceptions, violations of the Content-Security-Policy. */
  complaints: string[];
  /** The addresses of its requests; `blob:` and `data:`, which leave no browser, left out. */
  requests: string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<WatchedPage> {
  const page = await browser.newPage({ locale: "en", ...options });
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => {
    complaints.push(error.message);
  });
  page.on("request", (request) => {
    if (!/^(?:blob|data):/u.test(request.url())) requests.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, requests };
}
