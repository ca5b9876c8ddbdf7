import { describe, expect, test } from 'vitest';
import { boundedAhead, storeAhead, storedAhead, usualAheadS } from './buffer-ahead.ts';
import { formatClock, spokenTime } from './clock.ts';
import { looksStored } from './kind.ts';
import { objectionToType } from './media-source.ts';
import { readStored } from './offer.ts';

describe('how far ahead the player reads', () => {
  test('is between 5 and 120 s, 20 where nobody chose, and kept', () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
    expect(storedAhead(storage)).toBe(usualAheadS);
    expect(storeAhead(45, storage)).toBe(45);
    expect(storedAhead(storage)).toBe(45);
    expect([boundedAhead(0), boundedAhead(1e9), boundedAhead(Number.NaN)]).toEqual([5, 120, 20]);
    kept.set('paystream.buffer-ahead', '"><script>');
    expect(storedAhead(storage)).toBe(usualAheadS);
  });

  test('holds for the page in a browser that keeps nothing', () => {
    const storage = {
      setItem: () => {
        throw new DOMException('no', 'QuotaExceededError');
      },
    };
    expect(storeAhead(60, storage)).toBe(60);
  });
});

test('a time is written and spoken', () => {
  expect([0, 9.9, 75, 3675, Number.NaN].map(formatClock)).toEqual(['0:00', '0:09', '1:15', '1:01:15', '0:00']);
  expect([0, 61, 7325].map(spokenTime)).toEqual(['0 seconds', '1 minute 1 second', '2 hours 2 minutes 5 seconds']);
});

test('a file’s DAG looks like a stored video, and an announcement does not', () => {
  expect(looksStored('bafybeie56llhlo235yumoc6vlvuxoacjachulrwvhfifburb32dwzd2a7u')).toBe(true);
  expect(looksStored('QmPC32jRm34aeViMx26f52btBHBWH53r8ur1Zer5WRoYUw')).toBe(true);
  expect(looksStored('bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y')).toBe(false);
  expect(looksStored('bafkrei')).toBe(false);
});

describe('a browser', () => {
  const Source = { isTypeSupported: (type: string) => type.includes('avc1') };
  const playable = 'video/mp4; codecs="avc1.640028, mp4a.40.2"';

  test('plays what its media source supports, also where that is a managed one', () => {
    expect(objectionToType(playable, { MediaSource: Source })).toBeNull();
    expect(objectionToType(playable, { ManagedMediaSource: Source })).toBeNull();
  });

  test.each([
    ['has none', playable, {}, 'newer one'],
    ['does not know the codec', 'video/mp4; codecs="hev1.1.6"', { MediaSource: Source }, 'hev1.1.6'],
    ['is given something else', 'text/html', { MediaSource: Source }, 'text/html'],
  ])('that %s says so', (_name, type, scope, words) => expect(objectionToType(type, scope)).toContain(words));
});

describe('the stored video of an offer', () => {
  const json = { cid: 'bafy', size: 5, duration_ms: 1000, mime_type: 'video/mp4', picture: null, free: false };
  test('is read, or absent', () => {
    expect(readStored(null)).toBeNull();
    expect(readStored(undefined)).toBeNull();
    expect(readStored(json)).toEqual({ cid: 'bafy', size: 5, durationMs: 1000, mimeType: 'video/mp4', picture: null, free: false });
  });
  test.each([
    ['no bytes', { size: 0 }],
    ['a size that is no number', { size: '5' }],
    ['no word on who pays', { free: undefined }],
    ['a picture that is none', { picture: 7 }],
  ])('with %s is refused', (_name, change) => expect(() => readStored({ ...json, ...change })).toThrow());
});
