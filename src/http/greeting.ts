import type { IRouter } from "express";
import type { PlatformName } from "../platform.js";
import { onlyGet } from "./methods.js";

export interface GreetingOptions {
  /** The platform that the server reports; not a proof. */
  platform: PlatformName;
}

/** `GET /`: one line of text that says whether the server runs inside a TEE. */
export function greetingRoute(router: IRouter, { platform }: GreetingOptions): void {
  const greeting =
    platform === "mystikos-sgx"
      ? "Hello from inside Mystikos!"
      : "Hello from outside any TEE: nothing here is confidential.";
  onlyGet(router, "/", (_request, response) => {
    response.type("text/plain").send(greeting);
  });
}
