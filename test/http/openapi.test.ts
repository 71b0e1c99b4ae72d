import { createConfig, lintFromString } from "@redocly/openapi-core";
import { beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { z } from "zod";
import { flat } from "../helpers/pictures.js";
import { testApp, type TestApp } from "../helpers/test-app.js";

interface Parameter {
  name: string;
  in: string;
  example?: string | number;
}
interface Media {
  schema: object;
  examples?: Record<string, { value: object }>;
}
interface Described {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { content: Record<string, Media> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Described>>;
}

let confml: TestApp;
let text: string;
let document: Document;

beforeAll(async () => {
  confml = await testApp();
  ({ text } = await request(confml.app).get("/openapi.json"));
  document = JSON.parse(text) as Document;
});

test("the greeting links to the description (RFC 8631)", async () => {
  const { headers } = await request(confml.app).get("/");
  expect(headers["link"]).toBe('</openapi.json>; rel="service-desc"');
});

test("the linter finds nothing wrong", async () => {
  const config = await createConfig({
    extends: ["recommended-strict"],
    // The greeting, health and metadata have no errors of the client's.
    rules: { "operation-4xx-response": "off" },
  });
  const problems = await lintFromString({ source: text, absoluteRef: "openapi.json", config });
  expect(problems.map(({ message, location }) => [message, location[0]?.pointer])).toEqual([]);
  expect(document.openapi).toBe("3.1.1");
});

test("every route of the server is described, and nothing else", () => {
  const registered = routePaths(confml.app.router.stack).filter((path) => path !== "/openapi.json");
  const described = Object.keys(document.paths).map((path) =>
    path.replaceAll(/\{(\w+)\}/gu, ":$1"),
  );
  expect(described.toSorted()).toEqual(registered.toSorted());
});

function routePaths(stack: readonly { route?: { path: unknown } | undefined }[]): string[] {
  return stack.flatMap(({ route }) => (typeof route?.path === "string" ? [route.path] : []));
}

/** Each operation with each of its examples. */
function calls(): [string, string, Described, object | undefined][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, described]) => {
      const examples = described.requestBody?.content["application/json"]?.examples;
      const bodies = examples === undefined ? [undefined] : Object.values(examples);
      return bodies.map((example): [string, string, Described, object | undefined] => [
        method,
        withExamples(path, described.parameters ?? []),
        described,
        example?.value,
      ]);
    }),
  );
}

function withExamples(path: string, parameters: readonly Parameter[]): string {
  const inPath = path.replaceAll(/\{(\w+)\}/gu, (_all, name: string) => {
    return String(parameters.find((parameter) => parameter.name === name)?.example);
  });
  const query = parameters.filter((one) => one.in === "query" && one.example !== undefined);
  const text = query.map(({ name, example }) => `${name}=${String(example)}`).join("&");
  return text === "" ? inPath : `${inPath}?${text}`;
}

describe("the server answers as its description says", () => {
  test("to every example, in every media type", async () => {
    const picture = await flat("red").png().toBuffer();
    const sent = calls();
    for (const [method, path, { responses, requestBody }, body] of sent) {
      const types = Object.entries(responses["200"]?.content ?? {});
      for (const [type, { schema }] of types) {
        // Those that only encrypted pictures and binary data are answered in.
        if (type === "application/jose" || type === "application/octet-stream") continue;
        const call =
          method === "get" ? request(confml.app).get(path) : request(confml.app).post(path);
        call.set("Accept", type);
        if (requestBody?.content["multipart/form-data"]) call.attach("image", picture, "a.png");
        const {
          status,
          headers,
          text: plain,
        } = await (body === undefined ? call : call.send(body));
        expect([path, status, headers["content-type"]]).toEqual([
          path,
          200,
          expect.stringContaining(type),
        ]);
        z.fromJSONSchema(schema as never).parse(
          type.startsWith("text/") ? plain : JSON.parse(plain),
        );
      }
    }
    expect(sent.length).toBe(14);
  });

  test("with errors, whose codes are those of the description", async () => {
    const problems = [
      await request(confml.app).post("/evaluate").set("Accept", "application/json"),
      await request(confml.app).get("/v2/models/other"),
      await request(confml.app).post("/v2/models/colours/infer").send({}),
    ];
    const schemas = [
      document.paths["/evaluate"]?.["post"]?.responses["400"]?.content["application/problem+json"],
      document.paths["/v2/models/{name}"]?.["get"]?.responses["404"]?.content["application/json"],
      document.paths["/v2/models/{name}/infer"]?.["post"]?.responses["400"]?.content[
        "application/json"
      ],
    ];
    problems.forEach((problem, index) => {
      const body: unknown = problem.body;
      const { schema } = schemas[index] ?? {};
      z.fromJSONSchema(schema as never).parse(body);
      expect(() => {
        z.fromJSONSchema(schema as never).parse({ ...(body as object), code: "OTHER" });
      }).toThrow();
    });
  });
});
