/** The first bytes of a video, gathered until its index can be read. */
import type { Leaf } from '../ipfs/dag.ts';
import { readTimeline, type Timeline, TimelineError } from './timeline.ts';

export interface Head {
  readonly timeline: Timeline;
  /** From the file's first byte to the end of the last leaf that was needed: the index, and some media with it. */
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

export class HeadReader {
  readonly #fileBytes: number;
  readonly #leaves: Leaf[] = [];
  #bytes = new Uint8Array(0);
  #until: number;
  #head: Head | null = null;

  constructor(fileBytes: number) {
    this.#fileBytes = fileBytes;
    this.#until = Math.min(fileBytes, firstBytes);
  }

  /** The next byte to read. */
  get next(): number {
    return this.#bytes.length;
  }

  /** One past the last byte that is needed as far as is known. */
  get until(): number {
    return this.#until;
  }

  get head(): Head | null {
    return this.#head;
  }

  get taken(): readonly Leaf[] {
    return this.#leaves;
  }

  /** Throws a `TimelineError` when there can be no timeline. */
  take(leaf: Leaf): void {
    this.#leaves.push(leaf);
    if (leaf.end <= this.#bytes.length) return;
    const bytes = new Uint8Array(leaf.end);
    bytes.set(this.#bytes);
    bytes.set(leaf.data, leaf.start);
    this.#bytes = bytes;
    try {
      this.#head = headOf(readTimeline(bytes, this.#fileBytes), bytes);
    } catch (error) {
      if (!(error instanceof TimelineError) || error.needed === null) throw error;
      this.#until = Math.min(this.#fileBytes, Math.max(error.needed, bytes.length + 1));
    }
  }
}

function headOf(timeline: Timeline, bytes: Uint8Array): Head {
  const begin = timeline.subsegments[0]?.byte ?? 0;
  const earliestMs = Number((timeline.earliest * 1000n) / timeline.timescale);
  const shifted = earliestMs > largestOriginMs;
  return {
    timeline,
    bytes,
    init: bytes.slice(0, Math.min(begin, bytes.length)),
    originMs: shifted ? 0 : earliestMs,
    shiftS: shifted ? -Number(timeline.earliest) / Number(timeline.timescale) : 0,
  };
}
