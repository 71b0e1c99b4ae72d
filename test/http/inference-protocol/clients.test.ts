import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "@jest/globals";
import request from "supertest";
import { z } from "zod";
import {
  elements,
  floatBytes,
  infer,
  inferred,
  picturesInput,
  type Output,
} from "../../helpers/infer.js";
import { testApp, type TestApp } from "../../helpers/test-app.js";

interface Recorded {
  name: string;
  path: string;
  json: string;
  headers: Record<string, string>;
  floats?: [number, number][];
  elements?: string[];
  answer: "probabilities" | "labels";
}

const vector = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8"));
const { requests } = vector("inference-clients") as { requests: Recorded[] };
const { schemas } = vector("open-inference-rest") as { schemas: Record<string, object> };

/** Throws where a value does not conform to a schema of the specification. */
function conform(name: string, value: unknown): void {
  const schema = z.fromJSONSchema({ $ref: `#/$defs/${name}`, $defs: schemas } as never);
  schema.parse(value);
}

let confml: TestApp;
beforeAll(async () => {
  confml = await testApp();
});

function binaryOf({ floats, elements: parts }: Recorded): Buffer {
  if (floats !== undefined) {
    return floatBytes(floats.flatMap(([value, times]) => Array<number>(times).fill(value)));
  }
  return elements(...(parts ?? []).map((part) => Buffer.from(part, "base64")));
}

/** As `InferResult.as_numpy` (tritonclient) and `InferResponse.from_bytes` (kserve) read it. */
function readOutput(output: Output | undefined, binary: Buffer): unknown[] | undefined {
  const size = output?.parameters?.["binary_data_size"];
  if (size === undefined) return output?.data;
  expect(size).toBe(binary.length);
  const values: unknown[] = [];
  for (let offset = 0; offset < binary.length;) {
    const length = output?.datatype === "BYTES" ? binary.readUInt32LE(offset) : 0;
    if (output?.datatype === "FP32") values.push(binary.readFloatLE(offset));
    else values.push(binary.subarray(offset + 4, offset + 4 + length).toString());
    offset += 4 + length;
  }
  return values;
}

describe("a request of", () => {
  test.each(requests.map((recorded) => [recorded.name, recorded] as const))(
    "%s is answered as that client reads it",
    async (_name, recorded) => {
      const { path, json, headers } = recorded;
      conform("inference_request", JSON.parse(json));
      const length = String(Buffer.byteLength(json));
      const sent = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, value === "JSON" ? length : value]),
      );
      const call = infer(confml, Buffer.concat([Buffer.from(json), binaryOf(recorded)]), {
        path,
        headers: sent,
      });
      const { status, body, binary } = await inferred(call);
      expect([status, body.error]).toEqual([200, undefined]);
      conform("inference_response", body);
      const { id } = JSON.parse(json) as { id?: string };
      expect([body.model_name, body.id]).toEqual(["colours", id]);
      expect(readOutput(body.outputs?.[0], binary)).toEqual(
        recorded.answer === "labels"
          ? [expect.stringMatching(/^0\.99\d+:0:red$/u), expect.stringMatching(/:1:green$/u)]
          : [expect.closeTo(0.9999, 3), expect.closeTo(0, 3), expect.closeTo(0, 3)],
      );
    },
  );
});

describe("the specification's schema holds for", () => {
  test.each([
    ["/v2", "metadata_server_response"],
    ["/v2/models/colours", "metadata_model_response"],
    ["/v2/models/colours/versions/1", "metadata_model_response"],
    ["/v2/models/other", "inference_error_response"],
  ])("%s", async (path, schema) => {
    conform(schema, (await request(confml.app).get(path)).body);
  });

  test("an error of an inference request, and does not for what is none of its answers", async () => {
    const { body } = await inferred(infer(confml, { inputs: [picturesInput(["%"])] }));
    conform("inference_error_response", body);
    expect(() => {
      conform("inference_response", body);
    }).toThrow();
  });
});
