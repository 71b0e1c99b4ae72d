import { notWhole, unlikePillow } from "./decode-failure.js";

/** An AV1 stream of one frame; the properties are fields of its sequence header (AV1 specification, 5.5). */
export interface Av1Frame {
  /** The sequence header's maximum frame size, in pixels. */
  width: number;
  height: number;
  profile: number;
  level: number;
  bitDepth: 8 | 10 | 12;
  isMonochrome: boolean;
  /** Chroma is subsampled: subsampling_x, subsampling_y. */
  isHalvedAcross: boolean;
  isHalvedDown: boolean;
  /** chroma_sample_position */
  chromaPosition: number;
  hasFilmGrain: boolean;
  /** The OBUs of the sequence header and of the frame; all others are left out. */
  data: Buffer;
}

/** AV1 specification, 6.2.2: obu_type. */
const obuType = {
  sequenceHeader: 1,
  frameHeader: 3,
  tileGroup: 4,
  frame: 6,
  redundantFrameHeader: 7,
  tileList: 8,
} as const;

/**
 * Reads OBUs (AV1 specification, 5.3). They must be one sequence header and one shown key frame in one layer: of several
 * frames the decoder would decode all, and return one.
 *
 * @param stream the item's OBUs, one after the other
 * @throws ImageError IMAGE_UNSUPPORTED for anything else
 */
export function readAv1Frame(stream: Buffer): Av1Frame {
  let sequence: { header: SequenceHeader; isReduced: boolean; obu: Buffer } | undefined;
  const frame: Buffer[] = [];
  for (const { type, obu, body } of obusOf(stream)) {
    switch (type) {
      case obuType.sequenceHeader:
        if (sequence !== undefined) throw unlikePillow("an AVIF of several AV1 sequences");
        sequence = { ...readSequenceHeader(body), obu };
        break;
      case obuType.frame:
      case obuType.frameHeader:
        if (sequence === undefined) throw notWhole("a sequence header before the frame");
        if (frame.length > 0) throw unlikePillow("an AVIF of several AV1 frames");
        checkFrameHeader(body, sequence.isReduced);
        frame.push(obu);
        break;
      case obuType.tileGroup:
        if (frame.length === 0) throw notWhole("a frame header before its tiles");
        frame.push(obu);
        break;
      case obuType.redundantFrameHeader:
      case obuType.tileList:
        throw unlikePillow("an AVIF with AV1 tile lists or repeated frame headers");
      default:
      // A temporal delimiter, metadata or padding: skipped, because none changes a pixel.
    }
  }
  if (sequence === undefined || frame.length === 0) throw notWhole("an AV1 frame");
  return { ...sequence.header, data: Buffer.concat([sequence.obu, ...frame]) };
}

function* obusOf(stream: Buffer): Generator<{ type: number; obu: Buffer; body: Buffer }> {
  for (let at = 0; at < stream.length;) {
    const flags = stream[at] ?? 0;
    // 5.3.2: a bit that is 0, the type (4 bits), the extension flag, the size flag, a reserved bit.
    if ((flags & 0x80) !== 0) throw notWhole("an OBU");
    if ((flags & 4) !== 0) throw unlikePillow("an AVIF of AV1 layers");
    let start = at + 1;
    let size = stream.length - start;
    if ((flags & 2) !== 0) {
      // 4.10.5: leb128, seven bits a byte, at most eight bytes.
      size = 0;
      for (let index = 0; ; index += 1) {
        const byte = stream[start];
        if (byte === undefined || index === 8) throw notWhole("an OBU's size");
        size += (byte & 127) * 2 ** (7 * index);
        start += 1;
        if (byte < 128) break;
      }
    }
    if (size > stream.length - start) throw notWhole("an OBU within its item");
    const end = start + size;
    yield {
      type: (flags >> 3) & 15,
      obu: stream.subarray(at, end),
      body: stream.subarray(start, end),
    };
    at = end;
  }
}

/** 5.9.2: show_existing_frame, frame_type (2 bits), show_frame. A reduced header has none of them. */
function checkFrameHeader(body: Buffer, isReduced: boolean): void {
  if (!isReduced && (body[0] ?? 0) >> 4 !== 0b0001) {
    throw unlikePillow("an AVIF whose AV1 frame is no shown key frame");
  }
}

type SequenceHeader = Omit<Av1Frame, "data">;

/** 5.5.1: sequence_header_obu. */
function readSequenceHeader(body: Buffer): { header: SequenceHeader; isReduced: boolean } {
  const bits = new Bits(body);
  const profile = bits.read(3);
  bits.read(1);
  const isReduced = bits.flag();
  const level = isReduced ? bits.read(5) : readOperatingPoint(bits);
  const [widthBits, heightBits] = [bits.read(4) + 1, bits.read(4) + 1];
  const [width, height] = [bits.read(widthBits) + 1, bits.read(heightBits) + 1];
  // frame_id_numbers_present_flag, and the two lengths of frame numbers.
  if (!isReduced && bits.flag()) bits.read(7);
  // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  bits.read(3);
  if (!isReduced) skipTools(bits);
  // enable_superres, enable_cdef, enable_restoration
  bits.read(3);
  const colours = readColours(bits, profile);
  const header = { width, height, profile, level, ...colours, hasFilmGrain: bits.flag() };
  return { header, isReduced };
}

/** @returns seq_level_idx of the only operating point */
function readOperatingPoint(bits: Bits): number {
  if (bits.flag()) throw unlikePillow("an AVIF with AV1 timing information");
  const hasDelay = bits.flag();
  const [points, layers] = [bits.read(5) + 1, bits.read(12)];
  if (points > 1 || layers !== 0) throw unlikePillow("an AVIF of AV1 layers");
  const level = bits.read(5);
  // seq_tier; initial_display_delay_minus_1
  if (level > 7) bits.read(1);
  if (hasDelay && bits.flag()) bits.read(4);
  return level;
}

/** Skips the fields from enable_interintra_compound to order_hint_bits_minus_1. */
function skipTools(bits: Bits): void {
  bits.read(4);
  const hasOrderHints = bits.flag();
  if (hasOrderHints) bits.read(2);
  const choosesScreenContent = bits.flag();
  if ((choosesScreenContent || bits.flag()) && !bits.flag()) bits.read(1);
  if (hasOrderHints) bits.read(3);
}

type Colours = Pick<
  Av1Frame,
  "bitDepth" | "isMonochrome" | "isHalvedAcross" | "isHalvedDown" | "chromaPosition"
>;

/** 5.5.2: color_config. */
function readColours(bits: Bits, profile: number): Colours {
  const isHigh = bits.flag();
  const bitDepth = isHigh ? (profile === 2 && bits.flag() ? 12 : 10) : 8;
  const isMonochrome = profile !== 1 && bits.flag();
  const description = bits.flag() ? bits.read(24) : undefined;
  const grey = { bitDepth, isMonochrome, chromaPosition: 0 } as const;
  if (isMonochrome) {
    bits.read(1);
    return { ...grey, isHalvedAcross: true, isHalvedDown: true };
  }
  // BT.709 primaries, the sRGB transfer curve and the identity matrix: full-range red, green and blue samples.
  const isRgb = description === 0x01_0d_00;
  if (!isRgb) bits.read(1);
  const isHalvedAcross = isRgb || profile === 1 ? false : bitDepth === 12 ? bits.flag() : true;
  const isHalvedDown = isHalvedAcross && (profile === 0 || (bitDepth === 12 && bits.flag()));
  const chromaPosition = isHalvedDown ? bits.read(2) : 0;
  // separate_uv_delta_q
  bits.read(1);
  return { ...grey, isHalvedAcross, isHalvedDown, chromaPosition };
}

/** Reads numbers from a bit stream, highest bits first (4.10.2). */
class Bits {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @param count at most 31 */
  read(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left -= 1, this.#at += 1) {
      const byte = this.#bytes[this.#at >> 3];
      if (byte === undefined) throw notWhole("a whole sequence header");
      value = value * 2 + ((byte >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  flag(): boolean {
    return this.read(1) === 1;
  }
}
