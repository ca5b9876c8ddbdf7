/**
 * From bytes to milliseconds and back, by the file's `sidx` (ISO/IEC 14496-12, 8.16.3; docs/protocol.md, 12.3). What a leaf costs is
 * computed here and by the provider from the same numbers, hence the integers.
 */
export interface Subsegment {
  /** First byte in the file. */
  readonly byte: number;
  readonly bytes: number;
  /** In units of the timescale, from the first subsegment's begin. */
  readonly start: bigint;
  readonly duration: bigint;
}

export interface Timeline {
  readonly timescale: bigint;
  /** The media's own time at the first subsegment's begin. */
  readonly earliest: bigint;
  readonly subsegments: readonly Subsegment[];
  /** One past the last subsegment's last byte. */
  readonly endByte: number;
  readonly durationMs: number;
}

/** Why a file has no timeline; the names are those of the shared vectors. */
export type TimelineFault = 'incomplete' | 'not_mp4' | 'no_index' | 'hierarchical' | 'malformed' | 'too_large';

export class TimelineError extends Error {
  override readonly name = 'TimelineError';
  readonly fault: TimelineFault;
  /** Of an incomplete head: how many bytes from the file's begin are needed. */
  readonly needed: number | null;

  constructor(fault: TimelineFault, detail: string, needed: number | null = null) {
    super(`This video cannot be played: ${detail}.`);
    this.fault = fault;
    this.needed = needed;
  }
}

/** The index must end within so many bytes of the file's begin. */
const maxHeadBytes = 4 * 1024 * 1024;
/** So many bytes may follow the last subsegment. */
const maxTailBytes = 1024 * 1024;
const maxBoxes = 64;

const malformed = (detail: string): TimelineError => new TimelineError('malformed', detail);
const noIndex = (): TimelineError => new TimelineError('no_index', 'it has no index (sidx) before its media');

/** Reads the head of a file of `fileBytes` bytes. Throws `incomplete` when a longer head is needed; all other faults are final. */
export function readTimeline(head: Uint8Array, fileBytes: number): Timeline {
  const boxes = new Boxes(head, fileBytes);
  if (boxes.next()?.type !== 'ftyp') throw new TimelineError('not_mp4', 'it is not an MP4 file');
  let hasMovie = false;
  for (let count = 1; count < maxBoxes; count += 1) {
    const found = boxes.next();
    if (found === null || found.type === 'moof' || found.type === 'mdat') throw noIndex();
    if (found.type === 'moov') hasMovie = true;
    if (found.type === 'sidx') {
      if (!hasMovie) throw malformed('its index stands before its description');
      return readIndex(boxes.body(found), found.end, fileBytes);
    }
  }
  throw malformed('too many boxes stand before its index');
}

function readIndex(body: DataView, anchor: number, fileBytes: number): Timeline {
  if (body.byteLength < 12) throw malformed('its index is cut short');
  const version = body.getUint8(0);
  if (version > 1) throw malformed('its index is of an unknown version');
  const fixed = version === 1 ? 32 : 24;
  if (body.byteLength < fixed) throw malformed('its index is cut short');
  const timescale = BigInt(body.getUint32(8));
  if (timescale === 0n) throw malformed('its index has no timescale');
  const earliest = version === 1 ? body.getBigUint64(12) : BigInt(body.getUint32(12));
  const firstOffset = version === 1 ? body.getBigUint64(20) : BigInt(body.getUint32(16));
  const count = body.getUint16(fixed - 2);
  let byte = BigInt(anchor) + firstOffset;
  let start = 0n;
  const subsegments: Subsegment[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = fixed + index * 12;
    if (body.byteLength < at + 12) throw malformed('its index is cut short');
    const reference = body.getUint32(at);
    if (reference >= 0x8000_0000) throw new TimelineError('hierarchical', 'its index points to further indexes');
    if (reference === 0) throw malformed('a subsegment has no bytes');
    const duration = BigInt(body.getUint32(at + 4));
    if (byte + BigInt(reference) > BigInt(fileBytes)) throw malformed('its index reaches beyond the file');
    subsegments.push({ byte: Number(byte), bytes: reference, start, duration });
    byte += BigInt(reference);
    start += duration;
  }
  if (body.byteLength !== fixed + count * 12) throw malformed('its index is longer than its entries');
  if (byte > BigInt(fileBytes)) throw malformed('its index reaches beyond the file');
  if (BigInt(fileBytes) - byte > BigInt(maxTailBytes)) throw malformed('its index does not cover the whole file');
  const durationMs = Number((start * 1000n) / timescale);
  if (durationMs === 0) throw malformed('it has no duration');
  return { timescale, earliest, subsegments, endByte: Number(byte), durationMs };
}

interface Box {
  readonly type: string;
  readonly begin: number;
  readonly end: number;
}

/** Walks over the boxes of the top level (ISO/IEC 14496-12, 4.2). */
class Boxes {
  readonly #head: DataView;
  readonly #fileBytes: number;
  #at = 0;

  constructor(head: Uint8Array, fileBytes: number) {
    this.#head = new DataView(head.buffer, head.byteOffset, head.byteLength);
    this.#fileBytes = fileBytes;
  }

  next(): Box | null {
    if (this.#at === this.#fileBytes) return null;
    this.#need(8);
    const short = this.#head.getUint32(this.#at);
    const type = String.fromCharCode(...[4, 5, 6, 7].map((index) => this.#head.getUint8(this.#at + index)));
    let [bytes, header] = [BigInt(short), 8];
    if (short === 0) bytes = BigInt(this.#fileBytes - this.#at);
    if (short === 1) {
      this.#need(16);
      [bytes, header] = [this.#head.getBigUint64(this.#at + 8), 16];
    }
    if (BigInt(this.#at) + bytes > BigInt(this.#fileBytes)) throw malformed('a box reaches beyond the file');
    if (bytes < BigInt(header)) throw malformed('a box is shorter than its header');
    const begin = this.#at + header;
    this.#at += Number(bytes);
    return { type, begin, end: this.#at };
  }

  body({ begin, end }: Box): DataView {
    if (end > maxHeadBytes) throw new TimelineError('too_large', 'its index is too large');
    if (end > this.#head.byteLength) throw new TimelineError('incomplete', 'its head is incomplete', end);
    return new DataView(this.#head.buffer, this.#head.byteOffset + begin, end - begin);
  }

  #need(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed > maxHeadBytes) throw new TimelineError('too_large', 'its index is too far from its begin');
    if (needed > this.#fileBytes) throw malformed('the file ends within a box');
    if (needed > this.#head.byteLength) throw new TimelineError('incomplete', 'its head is incomplete', needed);
  }
}

/** T(o): where the byte at `offset` stands, in milliseconds, rounded down. */
export function timeAt(timeline: Timeline, offset: number): number {
  const { subsegments, timescale, durationMs, endByte } = timeline;
  const index = lastAt(subsegments, (subsegment) => subsegment.byte <= offset);
  const subsegment = subsegments[index];
  if (subsegment === undefined) return 0;
  if (offset >= endByte) return durationMs;
  const n = BigInt(subsegment.bytes);
  const within = BigInt(offset - subsegment.byte);
  return Number(((subsegment.start * n + subsegment.duration * within) * 1000n) / (timescale * n));
}

/** What a leaf that holds the file's bytes `[start, end)` costs, in milliseconds of media. */
export function costOfLeaf(timeline: Timeline, start: number, end: number): number {
  return timeAt(timeline, end) - timeAt(timeline, start);
}

/** The subsegment that plays at `ms`: the first one before the begin, the last one behind the end. */
export function subsegmentAt(timeline: Timeline, ms: number): number {
  const units = BigInt(Math.max(0, Math.floor(ms))) * timeline.timescale;
  return Math.max(
    0,
    lastAt(timeline.subsegments, (subsegment) => subsegment.start * 1000n <= units),
  );
}

/** Begin and end of a subsegment in milliseconds, for the player. */
export function spanOf(timeline: Timeline, index: number): { readonly startMs: number; readonly endMs: number } {
  const subsegment = timeline.subsegments[index];
  if (subsegment === undefined) return { startMs: timeline.durationMs, endMs: timeline.durationMs };
  const scale = Number(timeline.timescale);
  return {
    startMs: (Number(subsegment.start) * 1000) / scale,
    endMs: (Number(subsegment.start + subsegment.duration) * 1000) / scale,
  };
}

/** The last index whose entry meets a condition that holds for the entries up to some point and for none after it; -1 for none. */
function lastAt<T>(entries: readonly T[], holds: (entry: T) => boolean): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const entry = entries[middle];
    if (entry !== undefined && holds(entry)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
