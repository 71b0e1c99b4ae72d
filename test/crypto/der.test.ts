import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readCertificateFields } from "../../src/crypto/certificate-fields.js";
import { readAllDer, readDer } from "../../src/crypto/der.js";
import {
  readBoolean,
  readObjectIdentifier,
  readSmallInteger,
} from "../../src/crypto/der-values.js";
import { certify } from "./certify.js";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

describe("DER", () => {
  test("is read value by value, with short and long lengths", () => {
    const long = Buffer.concat([hex("0481c8"), Buffer.alloc(200, 7)]);
    const values = readAllDer(Buffer.concat([hex("0500"), long, hex("020105")]));
    expect(values.map(({ tag, content }) => [tag, content.length])).toEqual([
      [5, 0],
      [4, 200],
      [2, 1],
    ]);
    expect(values[1]?.whole.length).toBe(203);
  });

  test.each([
    ["a value that is cut off", "0405 01"],
    ["a tag without a length", "04"],
    ["a length that is cut off", "0482 01"],
    ["an indefinite length", "3080 0000"],
    ["a long form for a short length", "0481 05 0102030405"],
    ["a length with a leading zero", `048200c8${"00".repeat(200)}`],
    ["a length of five bytes", "04850000000001 00"],
    ["an enormous length", "0484ffffffff 00"],
    ["a tag of several bytes", "1f8101 00"],
  ])("with %s is refused", (_what, text) => {
    expect(() => readAllDer(hex(text))).toThrow(Error);
  });

  test("with another tag, with two values or without a value is refused where one value is expected", () => {
    expect(readDer(hex("020105"), 2).content).toEqual(new Uint8Array([5]));
    for (const text of ["040105", "0201050500", ""]) {
      expect(() => readDer(hex(text), 2)).toThrow(Error);
    }
  });

  test.each([
    ["06 03 2a0304", "1.2.3.4"],
    ["06 03 551d13", "2.5.29.19"],
    ["06 09 2a864886f70d01010b", "1.2.840.113549.1.1.11"],
    ["06 03 883703", "2.999.3"],
    ["06 01 00", "0.0"],
  ])("object identifier %s is %s", (text, identifier) => {
    expect(readObjectIdentifier(readDer(hex(text), 6))).toBe(identifier);
  });

  test.each(["06 02 2a80", "06 03 2a8001", "06 0a 2affffffffffffffff7f"])(
    "object identifier %s is refused",
    (text) => {
      expect(() => readObjectIdentifier(readDer(hex(text), 6))).toThrow(Error);
    },
  );

  test("has only one encoding of a boolean and of a small number", () => {
    expect([
      readBoolean(readDer(hex("0101ff"), 1)),
      readBoolean(readDer(hex("010100"), 1)),
    ]).toEqual([true, false]);
    for (const text of ["010101", "0102ffff", "0100"]) {
      expect(() => readBoolean(readDer(hex(text), 1))).toThrow(Error);
    }
    expect(readSmallInteger(readDer(hex("02017f"), 2))).toBe(127);
    for (const text of ["0201ff", "02020080", "0200"]) {
      expect(() => readSmallInteger(readDer(hex(text), 2))).toThrow(Error);
    }
  });

  test("random bytes, and a certificate with changed bytes, are read or refused with an Error", async () => {
    const { der: certificate } = await certify("root", undefined, {
      ca: true,
      names: ["a.example"],
    });
    const read = (bytes: Uint8Array): void => {
      try {
        readCertificateFields(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    };
    expect(readCertificateFields(certificate).signatureHash).toBe("sha256");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        read(noise);
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(certificate.length - 1), fc.integer({ min: 0, max: 255 })), {
          minLength: 1,
          maxLength: 4,
        }),
        (changes) => {
          const changed = Buffer.from(certificate);
          for (const [at, byte] of changes) changed[at] = byte;
          read(changed);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
