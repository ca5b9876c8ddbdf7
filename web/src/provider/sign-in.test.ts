import { createSiweMessage } from 'viem/siwe';
import { describe, expect, test } from 'vitest';
import { forgetGrant, grantKey, storedGrant, storeGrant } from './grants.ts';
import { objectionTo, type Purpose, readGrant } from './sign-in.ts';

const me = '0xA0Cf798816D4b9b9866b5330EEa46a18382f251e';
const contentId = `0x${'c0'.repeat(32)}`;
const upload: Purpose = { purpose: 'upload' };
const expected = { providerUrl: 'https://streamer.example:8443', address: me.toLowerCase(), chainId: 31337, purpose: upload };

const message = (changes: object = {}) =>
  createSiweMessage({
    domain: 'streamer.example:8443',
    address: me,
    uri: 'https://streamer.example:8443',
    version: '1',
    chainId: 31337,
    nonce: 'abcdefgh12345678',
    resources: ['urn:paystream:upload'],
    statement: 'Upload videos as this account.',
    ...changes,
  });

describe('a message to sign in', () => {
  test('that says what was asked for is signed', () => {
    expect(objectionTo(message(), expected)).toBeNull();
    expect(
      objectionTo(message({ resources: [`urn:paystream:view:${contentId}`] }), { ...expected, purpose: { purpose: 'view', contentId } }),
    ).toBeNull();
  });

  test.each([
    ['for another site', message({ domain: 'bank.example' }), 'bank.example'],
    ['for another account', message({ address: '0x70997970C51812dc3A010C7d01b50e0d17dc79C8' }), 'another account'],
    ['on another network', message({ chainId: 1 }), 'another Ethereum network'],
    ['for another purpose', message({ resources: [`urn:paystream:view:${contentId}`] }), 'something else'],
    ['for more than was asked for', message({ resources: ['urn:paystream:upload', 'urn:else'] }), 'something else'],
    ['without a purpose', message({ resources: undefined }), 'something else'],
    ['that is none', 'pay me', 'Nothing was signed'],
  ])('%s is not', (_name, text, why) => expect(objectionTo(text, expected)).toContain(why));
});

describe('a grant', () => {
  const storage = memory();
  const key = grantKey('view', 'https://p', contentId, me);
  const grant = readGrant({ token: 'secret', expires_at: '2026-01-02T00:00:00Z' });
  const end = Date.parse('2026-01-02T00:00:00Z');

  test('is there until a minute before it ends', () => {
    storeGrant(key, grant, storage);
    expect(storedGrant(key, end - 60_001, storage)).toEqual(grant);
    expect(storedGrant(key, end - 60_000, storage)).toBeNull();
    expect(storage.length).toBe(0);
  });

  test('is forgotten on demand', () => {
    storeGrant(key, grant, storage);
    forgetGrant(key, storage);
    expect(storedGrant(key, 0, storage)).toBeNull();
  });

  test('that cannot be read is none', () => {
    storage.setItem(key, '{"token":1}');
    expect(storedGrant(key, 0, storage)).toBeNull();
  });

  test.each([{ token: 'a b', expires_at: '2026-01-02T00:00:00Z' }, { token: 'a', expires_at: 'soon' }, { token: 'a' }])(
    'that is none is refused: %j',
    (json) => expect(() => readGrant(json)).toThrow(),
  );
});

function memory(): Storage {
  const entries = new Map<string, string>();
  return {
    get length() {
      return entries.size;
    },
    clear: () => entries.clear(),
    getItem: (key) => entries.get(key) ?? null,
    key: (index) => [...entries.keys()][index] ?? null,
    removeItem: (key) => void entries.delete(key),
    setItem: (key, value) => void entries.set(key, value),
  };
}
