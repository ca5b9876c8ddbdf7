import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  costOf,
  formatDuration,
  formatEther,
  formatInteger,
  formatRate,
  formatShare,
  formatUnits,
  msatPerMinuteToMsatPerSecond,
  parseUnits,
  satToBtc,
  shorten,
} from './money.ts';

describe('money for people', () => {
  test.each([
    [0n, '0'],
    [999n, '999'],
    [1000n, '1\u202f000'],
    [2_100_000_000_000_000n, '2\u202f100\u202f000\u202f000\u202f000\u202f000'],
    [-1234n, '−1\u202f234'],
  ])('%s is grouped by thousands', (value, text) => expect(formatInteger(value)).toBe(text));

  test.each([
    [1n, '0.00000001'],
    [123_456n, '0.00123456'],
    [100_000_000n, '1'],
  ])('%s sat is written in bitcoin as BIP 21 wants it', (sat, text) => expect(satToBtc(sat)).toBe(text));

  test('ether loses no wei', () => {
    expect(formatEther(1_000_000_000_000_000n)).toBe('0.001 ETH');
    expect(formatEther(1n)).toBe('0.000000000000000001 ETH');
  });

  test('rates keep their millisatoshis', () => {
    expect(formatRate(20_000n)).toBe('20');
    expect(formatRate(1_500n)).toBe('1.5');
    expect(formatRate(1n, 3600n)).toBe('3.6');
    expect(formatRate(20_000n, 3600n)).toBe('72\u202f000');
    expect(formatRate(333n, 60_000n)).toBe('19\u202f980');
    expect(formatRate(1_234_567n, 1n)).toBe('1\u202f234.567');
    expect(formatRate(0n)).toBe('0');
  });

  test('shares and durations', () => {
    expect(formatShare(9000)).toBe('90\u202f%');
    expect(formatShare(1250)).toBe('12.5\u202f%');
    expect(formatDuration(65_999)).toBe('1:05');
    expect(formatDuration(3_725_000)).toBe('1:02:05');
    expect(shorten('0x1234567890abcdef')).toBe('0x1234…cdef');
  });

  test.each(['', '-1', '1.2.3', 'abc', '1e5', '0x10', '0.0000000001'])('"%s" is no amount of bitcoin', (text) =>
    expect(parseUnits(text, 8)).toBeNull(),
  );

  test('what is written is read again', () => {
    fc.assert(
      fc.property(
        fc.bigInt(0n, 10n ** 27n),
        fc.integer({ min: 0, max: 18 }),
        (value, decimals) => parseUnits(formatUnits(value, decimals), decimals) === value,
      ),
    );
  });

  test('a cost is rounded up, and never by a whole satoshi', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(0n, 2n ** 40n), (rate, ms) => {
        const cost = costOf(rate, ms);
        return cost * 1_000_000n >= rate * ms && (cost === 0n || (cost - 1n) * 1_000_000n < rate * ms);
      }),
    );
  });

  test('a price per minute is never lost to zero', () => {
    expect(msatPerMinuteToMsatPerSecond(1000n)).toBe(17n);
    expect(msatPerMinuteToMsatPerSecond(1_200_000n)).toBe(20_000n);
  });
});
