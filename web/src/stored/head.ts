/** The first bytes of a video, gathered until its index can be read. */
import type { Leaf } from '../ipfs/dag.ts';
import { readTimeline, type Timeline, TimelineError } from './timeline.ts';

export interface Head {
  readonly timeline: Timeline;
  /** From the file's first byte to the end of the last leaf that was read for it: the index, and some media with it. */
  readonly bytes: Uint8Array;
  /** What the browser must know before any media. */
  readonly init: Uint8Array;
  /** The player's time at the first subsegment's begin. */
  readonly originMs: number;
  /** What the player's time is shifted by, in seconds. */
  readonly shiftS: number;
}

/** As much as a leaf usually holds: the index of a film fits in. */
const firstBytes = 262_144;
/** Frames that are shown a little later than they are decoded make a video begin a little after zero; a recording may begin anywhere. */
const largestOriginMs = 500;

/** Each byte is copied a fixed number of times at the most, however small the leaves are. */
export class HeadReader {
  readonly #fileBytes: number;
  readonly #leaves: Leaf[] = [];
  /** Of `#length` bytes in use. */
  #buffer = new Uint8Array(0);
  #length = 0;
  /** With fewer bytes there is no use in another look. */
  #needed = 1;
  #until: number;
  #found: Omit<Head, 'bytes'> | null = null;

  constructor(fileBytes: number) {
    this.#fileBytes = fileBytes;
    this.#until = Math.min(fileBytes, firstBytes);
  }

  /** The next byte to read. */
  get next(): number {
    return this.#length;
  }

  /** One past the last byte that is needed as far as is known. */
  get until(): number {
    return this.#until;
  }

  /** With all bytes that were taken so far. */
  get head(): Head | null {
    return this.#found === null ? null : { ...this.#found, bytes: this.#bytes };
  }

  get taken(): readonly Leaf[] {
    return this.#leaves;
  }

  /** Throws a `TimelineError` when there can be no timeline. */
  take(leaf: Leaf): void {
    this.#leaves.push(leaf);
    if (leaf.end <= this.#length) return;
    this.#grow(leaf.end);
    this.#buffer.set(leaf.data, leaf.start);
    this.#length = leaf.end;
    if (this.#found !== null || this.#length < this.#needed) return;
    try {
      this.#found = headOf(readTimeline(this.#bytes, this.#fileBytes), this.#bytes);
    } catch (error) {
      if (!(error instanceof TimelineError) || error.needed === null) throw error;
      this.#needed = error.needed;
      this.#until = Math.min(this.#fileBytes, Math.max(error.needed, this.#length + 1));
    }
  }

  get #bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #grow(length: number): void {
    if (length <= this.#buffer.length) return;
    const bytes = new Uint8Array(Math.max(length, 2 * this.#buffer.length));
    bytes.set(this.#bytes);
    this.#buffer = bytes;
  }
}

function headOf(timeline: Timeline, bytes: Uint8Array): Omit<Head, 'bytes'> {
  const begin = timeline.subsegments[0]?.byte ?? 0;
  const earliestMs = Number((timeline.earliest * 1000n) / timeline.timescale);
  const shifted = earliestMs > largestOriginMs;
  return {
    timeline,
    init: bytes.slice(0, Math.min(begin, bytes.length)),
    originMs: shifted ? 0 : earliestMs,
    shiftS: shifted ? -Number(timeline.earliest) / Number(timeline.timescale) : 0,
  };
}
