import type { PlatformName } from "../platform.js";
import { onlyGet } from "./methods.js";
import { textContent, type Route } from "./openapi/operation.js";

export interface GreetingOptions {
  /** The platform that the server reports; not a proof. */
  platform: PlatformName;
}

/** `GET /`: one line of text that says whether the server runs inside a TEE. */
export const greeting: Route<GreetingOptions> = {
  register(router, { platform }) {
    const text =
      platform === "mystikos-sgx"
        ? "Hello from inside Mystikos!"
        : "Hello from outside any TEE: nothing here is confidential.";
    onlyGet(router, "/", (_request, response) => {
      // RFC 8631, section 4.1
      response.set("Link", '</openapi.json>; rel="service-desc"');
      response.type("text/plain").send(text);
    });
  },
  operations: () => [
    {
      method: "get",
      path: "/",
      id: "greet",
      summary: "Says whether the server reports a TEE; never a proof",
      answers: [{ description: "One line of text.", content: { "text/plain": textContent } }],
      errors: [],
    },
  ],
};
