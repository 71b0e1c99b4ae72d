import { readFile } from "node:fs/promises";
import type { RequestHandler } from "express";
import { ConfigurationError, describeCause } from "../errors.js";

/** The page for browsers (client/page), in memory. */
export interface Page {
  html: string;
  /** Content-Security-Policy of the answer: the policy in the HTML, with this server as the only one to speak with. */
  policy: string;
}

/** Built by scripts/compile.sh. */
const builtFile = new URL("../../dist/http/page.html", import.meta.url);

/**
 * Reads the page.
 *
 * @throws ConfigurationError PAGE_INVALID
 */
export async function loadPage(file: URL = builtFile): Promise<Page> {
  let html: string;
  try {
    html = await readFile(file, "utf8");
  } catch (cause) {
    throw refusal(describeCause(cause), cause);
  }
  const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]+)"/u.exec(html)?.[1];
  if (policy === undefined || !policy.includes("connect-src ")) {
    throw refusal("a page without a Content-Security-Policy");
  }
  const own = policy.replace(/connect-src [^;]*/u, "connect-src 'self'");
  // A policy in HTML cannot say who may frame the page (CSP Level 3, section 3.3).
  return { html, policy: `${own}; frame-ancestors 'none'` };
}

function refusal(got: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    "PAGE_INVALID",
    {
      doing: "reading dist/http/page.html",
      expected: "the page for browsers",
      got,
      fix: "Build it with make; it belongs to what is measured",
    },
    { cause },
  );
}

/** Answers with the page. */
export function sendPage({ html, policy }: Page): RequestHandler {
  return (_request, response) => {
    response.set({
      "Content-Security-Policy": policy,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
    });
    response.type("text/html").send(html);
  };
}
