import { CID } from 'multiformats/cid';
import { describe, expect, test } from 'vitest';
import type { Leaf } from '../ipfs/dag.ts';
import { askAboveMs, CostLimit, CostlyError } from './cost-limit.ts';
import { costly } from './problem.ts';
import type { Timeline } from './timeline.ts';

const cid = CID.parse('bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y');
const leaf = (start: number, end: number): Leaf => ({ cid, start, end, data: new Uint8Array() });
/** 100 bytes of 10 s, 100 bytes of ten hours, 100 bytes of 11 hours. */
const timeline: Timeline = {
  timescale: 1n,
  earliest: 0n,
  subsegments: [
    { byte: 0, bytes: 100, start: 0n, duration: 10n },
    { byte: 100, bytes: 100, start: 10n, duration: 36_000n },
    { byte: 200, bytes: 100, start: 36_010n, duration: 39_600n },
  ],
  endByte: 300,
  durationMs: 75_610_000,
};

describe('what one leaf may cost', () => {
  test('is not asked about where leaves hold some seconds', () => {
    expect(new CostLimit().costOf(timeline, [leaf(0, 50), leaf(50, 100)])).toBe(10_000);
    const minute = { ...timeline, subsegments: [{ byte: 0, bytes: 100, start: 0n, duration: 60n }], endByte: 100, durationMs: askAboveMs };
    expect(new CostLimit().costOf(minute, [leaf(0, 100)])).toBe(askAboveMs);
  });

  test('is asked about above a minute, once for what costs no more', () => {
    const limit = new CostLimit();
    const asked = () => limit.costOf(timeline, [leaf(0, 100), leaf(100, 200)]);
    expect(asked).toThrow(CostlyError);
    expect(asked).toThrow(CostlyError);
    limit.allow();
    expect(asked()).toBe(36_010_000);
    expect(() => limit.costOf(timeline, [leaf(200, 300)])).toThrow(CostlyError);
  });

  test('is said in hours, with the block', () => {
    expect(costly(new CostlyError(cid.toString(), 36_000_000))).toMatchObject({
      kind: 'costly',
      cid: cid.toString(),
      costMs: 36_000_000,
      text: expect.stringContaining('10:00:00'),
    });
  });
});
