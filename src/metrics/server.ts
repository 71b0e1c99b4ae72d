import type { RequestListener } from "node:http";
import type { Metrics } from "./metrics.js";

/** Serves `GET /metrics`. It needs a port of its own, because the metrics name data owners to whoever reads them. */
export function metricsListener(metrics: Metrics): RequestListener {
  return (request, response) => {
    if (request.url !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) {
      response.writeHead(404, { "Content-Type": "text/plain" }).end("see /metrics\n");
      return;
    }
    metrics.render().then(
      (text) => {
        response.writeHead(200, { "Content-Type": metrics.contentType }).end(text);
      },
      () => {
        response.writeHead(500).end();
      },
    );
  };
}
