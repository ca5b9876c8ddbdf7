import { secp256k1 } from '@noble/curves/secp256k1.js';
import { beforeEach, describe, expect, test } from 'vitest';
import terms from '../../../channel/vectors/terms.json';
import { toHex } from '../bitcoin/bytes.ts';
import { termsToJson } from '../bitcoin/fixture.ts';
import { fundingAddress } from '../bitcoin/funding.ts';
import { channelId, parseTerms } from '../bitcoin/terms.ts';
import type { TermsJson } from '../provider/wire.ts';
import { importRecovery } from './recovery.ts';
import { type ChannelRecord, findChannel, listChannels, parseRecord, saveChannel, updateChannel, writeRecord } from './store.ts';

/** As much of the browser's storage as the store uses. */
class Storage {
  readonly #entries = new Map<string, string>();
  get length(): number {
    return this.#entries.size;
  }
  key = (index: number): string | null => [...this.#entries.keys()][index] ?? null;
  getItem = (key: string): string | null => this.#entries.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.#entries.set(key, value);
  removeItem = (key: string): void => void this.#entries.delete(key);
}

const secret = new Uint8Array(32).fill(7);

function recordOf(): ChannelRecord {
  const first = terms[0];
  if (first === undefined) throw new Error('the vectors hold no terms');
  const agreed = parseTerms({ ...(first.terms as TermsJson), viewer_key: toHex(secp256k1.getPublicKey(secret, true)) });
  return {
    channelId: channelId(agreed),
    contentId: `0x${toHex(agreed.contentId)}`,
    title: 'A title',
    providerUrl: 'http://provider.example',
    terms: termsToJson(agreed),
    address: fundingAddress(agreed),
    secretKey: toHex(secret),
    createdAt: 1,
    amountSat: 50_000n,
    funding: [{ txid: 'ab'.repeat(32), vout: 1, valueSat: 2n ** 50n }],
    signed: { sequence: 3, paidSat: 60n, signatures: ['cd'.repeat(64)] },
    providerState: 'open',
    outcome: { kind: 'refunded', txid: 'ef'.repeat(32), confirmed: false },
    left: false,
    dearRefund: { amountSat: 4000n, feeSat: 900n },
    agreedFeeSat: 800n,
  };
}

beforeEach(() => {
  Object.assign(globalThis, { localStorage: new Storage() });
});

describe('the channels of a browser', () => {
  test('are read as they were written, to the satoshi', () => {
    const record = recordOf();
    saveChannel(record);
    expect(findChannel(record.channelId)).toEqual(record);
    expect(listChannels()).toEqual([record]);
  });

  test('change from their newest state', () => {
    const record = recordOf();
    saveChannel({ ...record, left: true });
    updateChannel(record.channelId, (now) => ({ ...now, providerState: 'closing' }));
    expect(findChannel(record.channelId)).toMatchObject({ left: true, providerState: 'closing' });
  });

  test('stay readable beside an entry that is damaged', () => {
    localStorage.setItem('paystream.channel.00', '{');
    saveChannel(recordOf());
    expect(listChannels()).toHaveLength(1);
  });

  test('are refused by a browser that does not keep data', () => {
    localStorage.setItem = () => undefined;
    expect(() => saveChannel(recordOf())).toThrow('does not keep data');
  });
});

describe('a recovery file', () => {
  const network = (): TermsJson['network'] => recordOf().terms.network;

  test('brings the channel into another browser, and never over a newer state', () => {
    const record = recordOf();
    expect(importRecovery(writeRecord(record), network())).toEqual(record);
    updateChannel(record.channelId, (now) => ({ ...now, left: true }));
    expect(importRecovery(writeRecord(record), network()).left).toBe(true);
  });

  test.each([
    ['that is no JSON', () => 'x', 'not JSON'],
    ['of something else', () => '{"type":"cat"}', 'not a recovery file'],
    ['with another key', () => writeRecord({ ...recordOf(), secretKey: '01'.repeat(32) }), 'key does not belong'],
    ['with another address', () => writeRecord({ ...recordOf(), address: 'bc1qother' }), 'address is not that'],
    ['with other terms', () => writeRecord({ ...recordOf(), terms: { ...recordOf().terms, fee_sat: '1' } }), 'terms are not those'],
    ['without funding', () => writeRecord(recordOf()).replace('"funding"', '"fun"'), 'funding is not a list'],
  ])('%s is refused', (_name, file, message) => expect(() => importRecovery(file(), network())).toThrow(message));

  test('of another network is refused', () => {
    const other = network() === 'regtest' ? 'signet' : 'regtest';
    expect(() => importRecovery(writeRecord(recordOf()), other)).toThrow('network');
  });

  test('holds all that the record holds', () => expect(parseRecord(writeRecord(recordOf()))).toEqual(recordOf()));

  test('of an earlier page, which put no refund off, is read as one that agreed to none', () => {
    const { dearRefund: _cost, agreedFeeSat: _agreed, ...earlier } = recordOf();
    expect(parseRecord(writeRecord(earlier as ChannelRecord))).toEqual({ ...earlier, dearRefund: null, agreedFeeSat: null });
  });
});
