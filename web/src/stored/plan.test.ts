import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LeafMap, Walk } from '../ipfs/dag.ts';
import { addFile, noise } from '../ipfs/fixture.ts';
import { lastByteToAppend, plan, type Run, type Situation } from './plan.ts';
import { spanOf, type Timeline } from './timeline.ts';

/** 30 subsegments of 2 s and 1000 bytes, behind a head of 100 bytes. */
const timeline: Timeline = {
  timescale: 1000n,
  earliest: 0n,
  subsegments: Array.from({ length: 30 }, (_, index) => ({
    byte: 100 + index * 1000,
    bytes: 1000,
    start: BigInt(index) * 2000n,
    duration: 2000n,
  })),
  endByte: 30_100,
  durationMs: 60_000,
};
const file = await addFile(noise(30_100), { leafBytes: 300 });

function leaves(): LeafMap {
  const map = new LeafMap();
  const walk = new Walk({ root: file.root, size: file.size, from: 0, to: 1, leaves: map });
  walk.accept(file.root, file.blocks.get(file.root.toString())?.bytes ?? new Uint8Array());
  return map;
}

const at = (change: Partial<Situation>): Situation => ({
  timeline,
  leaves: leaves(),
  buffered: [],
  atMs: 0,
  aheadMs: 20_000,
  run: null,
  originMs: 0,
  ...change,
});

describe('a plan', () => {
  test('begins with the first subsegment, and reads a few seconds that end with a leaf', () => {
    expect(plan(at({}))).toEqual({ kind: 'read', newRun: true, subsegment: 0, from: 0, to: 2100 });
  });

  test('goes on where the run is, and asks for no byte again', () => {
    expect(plan(at({ run: { from: 100, next: 2100 }, buffered: [{ startMs: 0, endMs: 4000 }] }))).toEqual({
      kind: 'read',
      newRun: false,
      subsegment: 2,
      from: 2100,
      to: 4200,
    });
  });

  test('reads the rest of a subsegment that was begun, however little is missing of it', () => {
    const next = plan(at({ run: { from: 100, next: 2099 }, buffered: [{ startMs: 0, endMs: 3990 }] }));
    expect(next).toMatchObject({ newRun: false, subsegment: 1, from: 2099 });
  });

  test('has enough at the distance that the viewer set, and goes on as the viewer does', () => {
    const run = { from: 100, next: 10_100 };
    const buffered = [{ startMs: 0, endMs: 20_000 }];
    expect(plan(at({ run, buffered }))).toEqual({ kind: 'enough' });
    expect(plan(at({ run, buffered, atMs: 1 }))).toMatchObject({ kind: 'read', from: 10_100 });
    expect(plan(at({ run, buffered, aheadMs: 120_000 }))).toMatchObject({ kind: 'read', from: 10_100 });
  });

  test('reads for a viewer who pauses no more than the frame that is shown', () => {
    expect(plan(at({ aheadMs: 250, run: { from: 100, next: 1100 }, buffered: [{ startMs: 0, endMs: 2000 }] }))).toEqual({ kind: 'enough' });
    expect(plan(at({ aheadMs: 250, atMs: 41_000, run: { from: 100, next: 1100 } }))).toMatchObject({
      newRun: true,
      subsegment: 20,
      to: 21_300,
    });
  });

  test('begins a run at the subsegment of a seek, and at the begin of its leaf', () => {
    expect(plan(at({ atMs: 31_000, run: { from: 100, next: 3100 }, buffered: [{ startMs: 0, endMs: 6000 }] }))).toMatchObject({
      newRun: true,
      subsegment: 15,
      from: 15_000,
    });
  });

  test('reads nothing that is in the player already', () => {
    const buffered = [
      { startMs: 0, endMs: 6000 },
      { startMs: 10_000, endMs: 20_000 },
    ];
    const run = { from: 100, next: 3100 };
    expect(plan(at({ run, buffered, aheadMs: 60_000 }))).toMatchObject({ from: 3100, to: 5100 });
    expect(lastByteToAppend(at({ run, buffered }), 5001, 5400)).toBe(5100);
    expect(plan(at({ run: { from: 100, next: 5100 }, buffered: [{ startMs: 0, endMs: 20_000 }], aheadMs: 60_000 }))).toMatchObject({
      newRun: true,
      subsegment: 10,
    });
  });

  test('is complete when all to the end is there', () => {
    expect(plan(at({ atMs: 59_990, run: { from: 20_100, next: 30_100 }, buffered: [{ startMs: 40_000, endMs: 60_000 }] }))).toEqual({
      kind: 'complete',
    });
  });

  test('brings the whole video to a viewer who watches it, each byte once, wherever it begins', () => {
    const map = leaves();
    fc.assert(
      fc.property(fc.nat(59_000), fc.integer({ min: 5, max: 120 }), (beginMs, aheadS) => {
        let run = null as Run | null;
        let read: { from: number; to: number }[] = [];
        let bufferedTo = 0;
        let begun = 0;
        for (let atMs = beginMs; atMs < 60_000; atMs += 500) {
          for (let step = 0; step < 100; step += 1) {
            const buffered = run === null ? [] : [{ startMs: begun, endMs: bufferedTo }];
            const next = plan(at({ leaves: map, atMs, aheadMs: aheadS * 1000, run, buffered }));
            if (next.kind !== 'read') break;
            const begin: number = timeline.subsegments[next.subsegment]?.byte ?? 0;
            if (next.newRun) {
              read = [];
              begun = spanOf(timeline, next.subsegment).startMs;
            }
            read.push({ from: next.from, to: next.to });
            const reached = Math.min(next.to, file.size);
            run = { from: next.newRun ? begin : (run?.from ?? begin), next: reached };
            bufferedTo = spanOf(timeline, Math.floor((reached - 100) / 1000) - 1).endMs;
          }
        }
        for (let index = 1; index < read.length; index += 1) expect(read[index]?.from).toBe(read[index - 1]?.to);
        expect(read.at(-1)?.to).toBeGreaterThanOrEqual(30_100);
      }),
      { numRuns: 60 },
    );
  });
});
