import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { costOfLeaf, readTimeline, spanOf, subsegmentAt, type Timeline, TimelineError, timeAt } from './timeline.ts';

interface Vectors {
  readonly timelines: readonly {
    readonly name: string;
    readonly size: number;
    readonly head: string;
    readonly media_begin: number;
    readonly duration_ms: number;
    readonly times: readonly (readonly [number, number])[];
    readonly leaf_bytes: number;
    readonly leaf_costs_ms: readonly number[];
  }[];
  readonly refused: readonly {
    readonly name: string;
    readonly size: number;
    readonly head: string;
    readonly error: string;
    readonly needed?: number;
  }[];
}

const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../../streamer/vectors/timeline.json'), 'utf8')) as Vectors;
const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

describe('the shared vectors', () => {
  test.each(vectors.timelines)('$name', (vector) => {
    const timeline = readTimeline(bytesOf(vector.head), vector.size);
    expect(timeline.subsegments[0]?.byte).toBe(vector.media_begin);
    expect(timeline.durationMs).toBe(vector.duration_ms);
    expect(vector.times.map(([offset]) => [offset, timeAt(timeline, offset)])).toEqual(vector.times);
    const costs = vector.leaf_costs_ms.map((_, index) => {
      const start = index * vector.leaf_bytes;
      return costOfLeaf(timeline, start, Math.min(start + vector.leaf_bytes, vector.size));
    });
    expect(costs).toEqual(vector.leaf_costs_ms);
  });

  test.each(vectors.refused)('refused: $name', (vector) => {
    let error: unknown = null;
    try {
      readTimeline(bytesOf(vector.head), vector.size);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(TimelineError);
    if (!(error instanceof TimelineError)) return;
    expect(error.fault).toBe(vector.error);
    expect(error.needed).toBe(vector.needed ?? null);
  });
});

describe('a timeline', () => {
  const arbitrary = fc
    .record({
      timescale: fc.integer({ min: 1, max: 0xffff_ffff }),
      parts: fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 0x7fff_ffff }), duration: fc.integer({ min: 0, max: 0xffff_ffff }) }), {
        minLength: 1,
        maxLength: 20,
      }),
    })
    .map(({ timescale, parts }): Timeline => {
      let [byte, start] = [1000, 0n];
      const subsegments = parts.map((part) => {
        const made = { byte, bytes: part.bytes, start, duration: BigInt(part.duration) };
        byte += part.bytes;
        start += made.duration;
        return made;
      });
      return {
        timescale: BigInt(timescale),
        earliest: 0n,
        subsegments,
        endByte: byte,
        durationMs: Number((start * 1000n) / BigInt(timescale)),
      };
    });

  test('costs as much as it lasts, however it is cut', () => {
    fc.assert(
      fc.property(arbitrary, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (timeline, cuts) => {
        const offsets = [0, ...cuts.map((cut) => Math.floor(cut * timeline.endByte)).sort((a, b) => a - b), timeline.endByte];
        let sum = 0;
        for (let index = 1; index < offsets.length; index += 1) {
          const cost = costOfLeaf(timeline, offsets[index - 1] ?? 0, offsets[index] ?? 0);
          expect(cost).toBeGreaterThanOrEqual(0);
          sum += cost;
        }
        expect(sum).toBe(timeline.durationMs);
      }),
    );
  });

  test('finds the subsegment that plays at a time', () => {
    const timeline = readTimeline(bytesOf(vectors.timelines[1]?.head ?? ''), vectors.timelines[1]?.size ?? 0);
    expect(timeline.subsegments.map((_, index) => subsegmentAt(timeline, Math.ceil(spanOf(timeline, index).startMs)))).toEqual([0, 1, 2]);
    expect(subsegmentAt(timeline, 0)).toBe(0);
    expect(subsegmentAt(timeline, 2000)).toBe(0);
    expect(subsegmentAt(timeline, 1e9)).toBe(2);
    expect(timeline.earliest).toBe(5000n);
  });
});
