import type { PlatformName } from "../platform.js";
import { onlyGet } from "./methods.js";
import { sendPage, type Page } from "./page.js";
import { textContent, type Route } from "./openapi/operation.js";

export interface GreetingOptions {
  /** The platform that the server reports; not a proof. */
  platform: PlatformName;
  page: Page;
}

/** `GET /`: one line of text that says whether the server runs inside a TEE; for browsers, the page. */
export const greeting: Route<GreetingOptions> = {
  register(router, { platform, page }) {
    const showPage = sendPage(page);
    const text =
      platform === "mystikos-sgx"
        ? "Hello from inside Mystikos!"
        : "Hello from outside any TEE: nothing here is confidential.";
    onlyGet(router, "/", (request, response, next) => {
      // RFC 8631, section 4.1
      response.set("Link", '</openapi.json>; rel="service-desc"');
      // Text comes first: clients that accept anything, or nothing of the two, get it.
      if (request.accepts(["text/plain", "text/html"]) === "text/html") {
        showPage(request, response, next);
        return;
      }
      response.type("text/plain").send(text);
    });
  },
  operations: () => [
    {
      method: "get",
      path: "/",
      id: "greet",
      summary: "Says whether the server reports a TEE; never a proof",
      answers: [
        {
          description: "One line of text; for browsers, the page.",
          content: { "text/plain": textContent, "text/html": textContent },
        },
      ],
      errors: [],
    },
  ],
};
