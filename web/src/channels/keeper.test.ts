import { describe, expect, test } from 'vitest';
import type { Utxo } from '../esplora/client.ts';
import { decide } from './keeper.ts';
import type { ChannelRecord } from './store.ts';

const record = (change: Partial<ChannelRecord>): ChannelRecord =>
  ({ channelId: '00', terms: { expiry_height: 400 }, funding: [], outcome: { kind: 'running' }, ...change }) as ChannelRecord;
const output = { txid: 'aa', vout: 1, valueSat: 50_000n };
const utxo = (change: Partial<Utxo> = {}): Utxo => ({ ...output, status: { confirmed: true, height: 110 }, ...change });
const spender = (txid: string, confirmed: boolean) => ({ txid, status: { confirmed, height: confirmed ? 120 : null } });

describe('the keeper of a channel', () => {
  test('waits while nothing has been paid', () => {
    expect(decide(record({}), { tip: 100, utxos: [], spender: null })).toEqual({ kind: 'wait' });
    expect(decide(record({}), { tip: 1000, utxos: [], spender: null })).toEqual({ kind: 'wait' });
  });

  test('finds the funding, the confirmed one first', () => {
    const unconfirmed = utxo({ txid: 'bb', status: { confirmed: false, height: null } });
    expect(decide(record({}), { tip: 100, utxos: [unconfirmed, utxo()], spender: null })).toEqual({ kind: 'funded', output });
  });

  test('keeps the first funding when somebody pays twice', () => {
    expect(decide(record({ funding: [output] }), { tip: 100, utxos: [utxo(), utxo({ vout: 2 })], spender: null })).toEqual({
      kind: 'wait',
    });
  });

  test('refunds nothing one block before the expiry, and everything at it', () => {
    const facts = { utxos: [utxo(), utxo({ vout: 2 })], spender: null };
    expect(decide(record({ funding: [output] }), { ...facts, tip: 399 }).kind).toBe('wait');
    expect(decide(record({ funding: [output] }), { ...facts, tip: 400 })).toEqual({ kind: 'refund', outputs: facts.utxos });
  });

  test('refunds a second payment after the provider has closed the first', () => {
    const facts = { tip: 400, utxos: [utxo({ vout: 2 })], spender: spender('cc', true) };
    expect(decide(record({ funding: [output] }), facts)).toEqual({ kind: 'refund', outputs: facts.utxos });
  });

  test('tells the provider’s close from its own refund', () => {
    const facts = { tip: 401, utxos: [], spender: spender('cc', false) };
    expect(decide(record({ funding: [output] }), facts)).toEqual({ kind: 'spent', txid: 'cc', confirmed: false, refund: false });
    const refunded = record({ funding: [output], outcome: { kind: 'refunded', txid: 'cc', confirmed: false } });
    expect(decide(refunded, { ...facts, spender: spender('cc', true) })).toEqual({
      kind: 'spent',
      txid: 'cc',
      confirmed: true,
      refund: true,
    });
  });
});
