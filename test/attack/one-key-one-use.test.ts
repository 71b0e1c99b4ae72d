import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { sealJwe } from "../../src/crypto/jwe.js";
import { encryptLegacy } from "../../src/crypto/openssl-cbc.js";
import { AnswerTable } from "./answer-table.js";
import { tallied, type Ask, type Tally } from "./ask.js";
import { findBlockOracle, type DecryptBlock } from "./block-oracle.js";
import { openCapturedJwe, recoverBlock } from "./captured-files.js";
import { blockBytes, knownBlock } from "./known-block.js";
import { findStatusOracle } from "./status-oracle.js";
import {
  foreignKey,
  jweId,
  jweKey,
  legacyKey,
  nextJweKey,
  servers,
  type Server,
} from "./servers.js";

/**
 * `.encrypted` uploads are an AES decryption oracle for an attacker who has one captured file and may upload.
 * This is the format's known weakness. These tests show that no configuration lets the oracle open a JWE as well.
 */

let picture: Buffer;
/** The captured file: the picture as a `.encrypted` upload. */
let captured: Buffer;
/** A picture that the attacker made, by the same encoder. */
let ownPicture: Buffer;
let answers: AnswerTable;

const running: Server[] = [];

beforeAll(async () => {
  picture = await pictureOf("#20c040");
  ownPicture = await pictureOf("#808080");
  captured = encryptLegacy(legacyKey, picture);
  const server = await start(servers.only("plain"));
  answers = await AnswerTable.build(server.asking(), ownPicture.subarray(0, blockBytes));
});

afterEach(() => {
  for (const server of running.splice(0)) server.close();
});

function pictureOf(background: string): Promise<Buffer> {
  return sharp({ create: { width: 60, height: 40, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

async function start(starting: Promise<Server>): Promise<Server> {
  const server = await starting;
  running.push(server);
  return server;
}

function total(tally: Tally): number {
  return Object.values(tally).reduce((sum, count) => sum + count, 0);
}

interface Attack {
  decryptBlock: DecryptBlock | undefined;
  tally: Tally;
}

/** @param ask uploads as the attacker does */
async function attack(ask: Ask, file = captured): Promise<Attack> {
  const { ask: counting, tally } = tallied(ask);
  const known = knownBlock(file, ownPicture);
  return { decryptBlock: await findBlockOracle({ ask: counting, known, answers }), tally };
}

async function attackThatFinds(ask: Ask): Promise<{ decryptBlock: DecryptBlock; tally: Tally }> {
  const { decryptBlock, tally } = await attack(ask);
  if (decryptBlock === undefined) throw new Error("the attack found no oracle");
  return { decryptBlock, tally };
}

/** The data owner's upload, and what the server answered: the attacker records both. */
async function exchange(server: Server, key: Uint8Array): Promise<{ jwe: string; answer: string }> {
  const jwe = await sealJwe(key, picture, { kid: jweId });
  const { status, text } = await server.asking()("picture.jwe", Buffer.from(jwe));
  expect([status, text.split(".").length]).toEqual([200, 5]);
  return { jwe, answer: text };
}

/** Some blocks of the captured file, and those of the picture. */
async function recoverSome(decryptBlock: DecryptBlock): Promise<[unknown, unknown][]> {
  const pairs: [unknown, unknown][] = [];
  for (const index of [1, 9]) {
    const start = index * blockBytes;
    const block = picture.subarray(start, start + blockBytes);
    pairs.push([await recoverBlock(captured, index, decryptBlock), block]);
  }
  return pairs;
}

/** The result for a captured JWE, without its plaintext, which is too long for a test's message. */
async function openedOrNot(token: string, decryptBlock: DecryptBlock): Promise<string> {
  const result = await openCapturedJwe(token, decryptBlock);
  return "failed" in result ? result.failed : "opened";
}

/** The result if all 24 block decryptions were answered, and the unwrapped key fails RFC 3394's integrity check. */
const otherKey = "wrapped under another key";

describe("the attack on one key for both formats", () => {
  test("opens .encrypted files, JWE uploads and answers, which proves that the attack works", async () => {
    const server = await start(servers.equalKeys());
    const { jwe, answer } = await exchange(server, legacyKey);
    const { decryptBlock, tally } = await attackThatFinds(server.asking());
    for (const [recovered, block] of await recoverSome(decryptBlock)) {
      expect(recovered).toEqual(block);
    }
    const before = tally["200"] ?? 0;
    expect(await openCapturedJwe(jwe, decryptBlock)).toEqual({ plaintext: picture });
    // RFC 3394: 6 rounds over 4 semiblocks, and 16 uploads for each decryption.
    expect((tally["200"] ?? 0) - before).toBe(6 * 4 * 16);
    const read = await openCapturedJwe(answer, decryptBlock);
    const json = "plaintext" in read ? read.plaintext.toString() : read.failed;
    expect(JSON.parse(json)).toMatchObject({ image: { width: 60, height: 40 } });
  });
});

describe("the attack on a key for each format", () => {
  test("opens .encrypted files, but no JWE upload and no answer", async () => {
    const server = await start(servers.separateKeys());
    const { jwe, answer } = await exchange(server, jweKey);
    const { decryptBlock } = await attackThatFinds(server.asking());
    for (const [recovered, block] of await recoverSome(decryptBlock)) {
      expect(recovered).toEqual(block);
    }
    expect(await openedOrNot(jwe, decryptBlock)).toBe(otherKey);
    expect(await openedOrNot(answer, decryptBlock)).toBe(otherKey);
  });

  test("opens no JWE during a rotation, of the former version or the current one", async () => {
    const server = await start(servers.rotating());
    const former = await exchange(server, jweKey);
    const current = await exchange(server, nextJweKey);
    // The captured file is under the former version of its key.
    const { decryptBlock } = await attackThatFinds(server.asking());
    for (const [recovered, block] of await recoverSome(decryptBlock)) {
      expect(recovered).toEqual(block);
    }
    expect(await openedOrNot(former.jwe, decryptBlock)).toBe(otherKey);
    expect(await openedOrNot(current.jwe, decryptBlock)).toBe(otherKey);
  });
});

describe("the attack on a server that encrypts all answers", () => {
  test("opens .encrypted files by the HTTP status only", async () => {
    const server = await start(servers.answersEncrypted());
    const byLabels = await attack(server.asking());
    expect(byLabels.decryptBlock).toBeUndefined();
    expect(byLabels.tally).toHaveProperty("200");
    const { ask, tally } = tallied(server.asking());
    const known = knownBlock(captured, ownPicture);
    const next = captured.subarray(blockBytes, 2 * blockBytes);
    const decryptBlock = await findStatusOracle({ ask, known, next });
    const before = total(tally);
    const recovered = decryptBlock && (await recoverBlock(captured, 1, decryptBlock));
    expect(recovered).toEqual(picture.subarray(blockBytes, 2 * blockBytes));
    // Each upload reveals one bit.
    expect(total(tally) - before).toBeLessThanOrEqual(128);
  });
});

describe("the attack on a server that limits distinct .encrypted uploads", () => {
  test("is stopped in the middle of a block until the period ends", async () => {
    const server = await start(servers.bounded(40));
    const { decryptBlock, tally } = await attackThatFinds(server.asking());
    const first = await recoverBlock(captured, 1, decryptBlock);
    expect(first).toEqual(picture.subarray(blockBytes, 2 * blockBytes));
    expect(await recoverBlock(captured, 9, decryptBlock)).toBeUndefined();
    expect(tally).toEqual({ "200": 40, "429 RATE_LIMITED": 8 });
  });
});

describe("the attack opens nothing", () => {
  test.each([[["jwe"]], [["plain", "jwe"]]] as const)("if the formats are %j", async (formats) => {
    const server = await start(servers.only(...formats));
    const { decryptBlock, tally } = await attack(server.asking());
    expect(decryptBlock).toBeUndefined();
    expect(Object.keys(tally)).toEqual(["403 FORMAT_REFUSED"]);
  });

  test("if the requested type of answer is refused", async () => {
    const server = await start(servers.separateKeys());
    const { decryptBlock, tally } = await attack(server.asking("image/png"));
    expect(decryptBlock).toBeUndefined();
    expect(Object.keys(tally)).toEqual(["406 NOT_ACCEPTABLE"]);
  });

  test("with a file under a key that the server does not have", async () => {
    const server = await start(servers.separateKeys());
    const foreign = encryptLegacy(foreignKey, picture);
    const { decryptBlock, tally } = await attack(server.asking(), foreign);
    expect(decryptBlock).toBeUndefined();
    expect(Object.keys(tally)).toEqual(["422 ENCRYPTED_IMAGE_REJECTED"]);
  });
});

describe("the attack on an encrypted answer to a .encrypted upload", () => {
  test("does not open it, because it is encrypted with another key", async () => {
    const server = await start(servers.separateKeys());
    const ask = server.asking("application/jose");
    const { status, text } = await ask("picture.jpg.encrypted", captured);
    expect(status).toBe(200);
    const { decryptBlock } = await attackThatFinds(server.asking());
    expect(await openedOrNot(text, decryptBlock)).toBe(otherKey);
  });
});
