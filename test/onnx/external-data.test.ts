import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { hasExternalData } from "../../src/onnx/external-data.js";
import { projectFolder } from "../helpers/server-process.js";
import { field, varint } from "./onnx-bytes.js";

// Numbers as in onnx.proto3.
const graph = (...fields: Buffer[]): Buffer => field(7, Buffer.concat(fields));
const node = (attribute: Buffer): Buffer => field(1, field(5, attribute));
const located = field(14, 1);
const named = field(
  13,
  Buffer.concat([field(1, Buffer.from("location")), field(2, Buffer.from("/image.key"))]),
);

describe("external data is found in", () => {
  test.each<[string, Buffer]>([
    ["an initialiser's location", graph(field(5, located))],
    ["an initialiser's external_data alone", graph(field(5, named))],
    ["the last of many initialisers", graph(field(5, field(1, 3)), field(5, located))],
    ["a sparse initialiser's values", graph(field(15, field(1, located)))],
    ["a sparse initialiser's indices", graph(field(15, field(2, located)))],
    ["a node's tensor", graph(node(field(5, located)))],
    ["a node's list of tensors", graph(node(field(10, located)))],
    ["a node's sparse tensor", graph(node(field(22, field(1, located))))],
    ["a node's list of sparse tensors", graph(node(field(23, field(2, located))))],
    ["a subgraph", graph(node(field(6, field(5, located))))],
    [
      "a subgraph of a list, in a subgraph",
      graph(node(field(6, node(field(11, field(5, located)))))),
    ],
    ["a function's node", field(25, field(7, field(5, field(5, located))))],
    ["a function's default", field(25, field(11, field(5, located)))],
    ["the training's first graph", field(20, field(1, field(5, located)))],
    ["the training's graph", field(20, field(2, field(5, located)))],
    [
      "a second graph field, which Protocol Buffers merge",
      Buffer.concat([graph(), graph(field(5, located))]),
    ],
  ])("%s", (_where, model) => {
    expect(hasExternalData(model)).toBe(true);
  });
});

describe("no external data is found in", () => {
  test("a model without external data", async () => {
    for (const file of ["test/fixtures/models/colours.onnx", "models/demo/alexnet.onnx"]) {
      expect(hasExternalData(await readFile(join(projectFolder, file)))).toBe(false);
    }
  });

  test("a tensor with the default location, and fields of all wire types", () => {
    const others = Buffer.from([0x0d, 1, 2, 3, 4, 0x09, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(hasExternalData(Buffer.concat([others, graph(field(5, field(14, 0)))]))).toBe(false);
  });
});

describe("bytes that are not a model", () => {
  // Protocol Buffers' C++ reader, and so ONNX Runtime, only uses the low 32 bits of a tag: it reads 13 + 2^29 as 13.
  test.each([2 ** 29, 3 * 2 ** 29, 7 * 2 ** 29])(
    "whose field numbers are %i too high, to evade the search, are refused",
    (excess) => {
      for (const hidden of [
        graph(field(5, field(14 + excess, 1))),
        graph(field(5, field(13 + excess, Buffer.alloc(0)))),
        graph(field(5 + excess, located)),
        field(7 + excess, field(5, located)),
      ]) {
        expect(() => hasExternalData(hidden)).toThrow(RangeError);
      }
    },
  );

  test("because they are truncated are refused with a RangeError, wherever they end", () => {
    const model = graph(field(2, Buffer.from("name")), field(5, located));
    for (let length = 0; length < model.length; length += 1) {
      const cut = model.subarray(0, length);
      if (length === 0) expect(hasExternalData(cut)).toBe(false);
      else expect(() => hasExternalData(cut)).toThrow(RangeError);
    }
  });

  test("with lengths beyond their end are refused", () => {
    for (const length of [2 ** 31, 2 ** 32, 2 ** 35, 2 ** 53, 2 ** 63]) {
      const claim = Buffer.from([...varint(7 * 8 + 2), ...varint(length), ...Buffer.alloc(100)]);
      expect(() => hasExternalData(claim)).toThrow(RangeError);
    }
    expect(() => hasExternalData(Buffer.alloc(30, 0xff))).toThrow("too long");
  });

  test("in groups, which onnx.proto3 does not have, are refused", () => {
    expect(() => hasExternalData(Buffer.from([7 * 8 + 3, 7 * 8 + 4]))).toThrow("wire type 3");
  });

  test("yield a boolean or a RangeError, for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(typeof hasExternalData(bytes)).toBe("boolean");
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("nested too deeply are refused", () => {
    let attribute = field(5, located);
    for (let depth = 0; depth < 100; depth += 1) attribute = field(6, node(attribute));
    expect(() => hasExternalData(graph(node(attribute)))).toThrow(RangeError);
  });
});
