import fc from 'fast-check';
import { expect, test } from 'vitest';
import { previewOf } from './preview.ts';

test('an hour and a view are divided as the contract and the channel divide them', () => {
  expect(previewOf({ msatPerSecond: 20_000n, pricePerView: 1_000_001n, creatorShareBps: 9_000 })).toEqual({
    hour: { paid: 72_000n, creator: 64_800n, provider: 7_200n },
    view: { paid: 1_000_001n, creator: 900_001n, provider: 100_000n },
  });
});

test('a price of nothing has no row', () => {
  expect(previewOf({ msatPerSecond: 0n, pricePerView: 0n, creatorShareBps: 9_000 })).toEqual({ hour: null, view: null });
});

test('nothing is lost or made, and nobody is given more than a unit by rounding', () => {
  fc.assert(
    fc.property(
      fc.bigInt(1n, 2n ** 64n - 1n),
      fc.bigInt(1n, 2n ** 96n - 1n),
      fc.integer({ min: 0, max: 10_000 }),
      (msatPerSecond, pricePerView, creatorShareBps) => {
        const { hour, view } = previewOf({ msatPerSecond, pricePerView, creatorShareBps });
        for (const division of [hour, view]) {
          if (division === null) throw new Error('a price above zero has a row');
          expect(division.creator + division.provider).toBe(division.paid);
          expect(division.provider >= 0n).toBe(true);
          const over = division.creator * 10_000n - division.paid * BigInt(creatorShareBps);
          expect(over >= 0n && over < 10_000n).toBe(true);
        }
      },
    ),
  );
});
