import { beforeEach, describe, expect, test } from 'vitest';
import { forgetSent, keepSent, sentKey, sentView } from './sent.ts';

const entries = new Map<string, string>();
const storage = {
  getItem: (key: string) => entries.get(key) ?? null,
  setItem: (key: string, value: string) => void entries.set(key, value),
  removeItem: (key: string) => void entries.delete(key),
} as unknown as Storage;
const hash = `0x${'7a'.repeat(32)}` as const;
const key = sentKey(1, '0xC0', '0xAB', '0xEE');
const hour = 3_600_000;

beforeEach(() => entries.clear());

describe('a payment that a wallet has sent', () => {
  test('is known for as long as the view that it pays is open', () => {
    keepSent(key, { hash, at: 1000 }, storage);
    expect(sentView(sentKey(1, '0xc0', '0xab', '0xee'), 1000 + 23 * hour, storage)).toEqual({ hash, at: 1000 });
    expect(sentView(key, 1000 + 24 * hour, storage)).toBeNull();
    expect(entries.size).toBe(0);
  });

  test('is none of another content, provider, account or chain', () => {
    keepSent(key, { hash, at: 1000 }, storage);
    const others = [sentKey(2, '0xc0', '0xab', '0xee'), sentKey(1, '0xc1', '0xab', '0xee'), sentKey(1, '0xc0', '0xab', '0xef')];
    expect(others.map((other) => sentView(other, 1000, storage))).toEqual([null, null, null]);
  });

  test('is forgotten once it has failed', () => {
    keepSent(key, { hash, at: 1000 }, storage);
    forgetSent(key, storage);
    expect(sentView(key, 1000, storage)).toBeNull();
  });

  test.each(['', '{', '{"hash":"0x12","at":1}', `{"hash":"${hash}","at":"1"}`])('that cannot be read is none: %s', (text) => {
    storage.setItem(key, text);
    expect(sentView(key, 1000, storage)).toBeNull();
  });

  test('does not fail for a browser that keeps nothing', () => {
    const setItem = (): void => {
      throw new DOMException('', 'QuotaExceededError');
    };
    const full = { ...storage, setItem };
    expect(() => keepSent(key, { hash, at: 1000 }, full)).not.toThrow();
  });
});
