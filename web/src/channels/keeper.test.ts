import { Transaction } from '@scure/btc-signer';
import { beforeEach, describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../bitcoin/bytes.ts';
import { termsToJson, termsWith, viewerSecret } from '../bitcoin/fixture.ts';
import type { Confirmation, Esplora, Utxo } from '../esplora/client.ts';
import { decide, isSettled, keep, refundFor } from './keeper.ts';
import { type ChannelRecord, findChannel, saveChannel } from './store.ts';

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

  test('refunds what its own refund has left out, once that is in a block', () => {
    const refunded = record({ funding: [output], outcome: { kind: 'refunded', txid: 'cc', confirmed: false } });
    const facts = { tip: 400, utxos: [utxo({ vout: 2 })] };
    expect(decide(refunded, { ...facts, spender: spender('cc', false) })).toMatchObject({ kind: 'spent', confirmed: false });
    expect(decide(refunded, { ...facts, spender: spender('cc', true) })).toEqual({ kind: 'refund', outputs: facts.utxos });
  });

  test('calls nothing settled while something is left that is not due', () => {
    const facts = { tip: 399, utxos: [utxo({ vout: 2 })], spender: spender('cc', true) };
    expect(decide(record({ funding: [output] }), facts)).toEqual({ kind: 'spent', txid: 'cc', confirmed: false, refund: false });
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

describe('refunds one after the other', () => {
  const terms = termsToJson(termsWith());
  const id = '0a'.repeat(32);
  const coin = (name: string, valueSat: bigint): Utxo => ({
    txid: name.repeat(32),
    vout: 0,
    valueSat,
    status: { confirmed: true, height: 110 },
  });
  const stored = (): ChannelRecord => {
    const found = findChannel(id);
    if (found === null) throw new Error('the channel is gone');
    return found;
  };
  let chain: Chain;
  const look = () => keep(stored(), [chain as unknown as Esplora]);

  beforeEach(() => {
    const entries = new Map<string, string>();
    Object.assign(globalThis, {
      localStorage: {
        getItem: (key: string) => entries.get(key) ?? null,
        setItem: (key: string, value: string) => void entries.set(key, value),
      },
    });
    chain = new Chain();
    saveChannel({
      channelId: id,
      contentId: terms.content_id,
      title: 'A title',
      providerUrl: 'http://provider.example',
      terms,
      address: 'bcrt1',
      secretKey: toHex(viewerSecret),
      createdAt: 1,
      amountSat: 50_000n,
      funding: [{ txid: 'aa'.repeat(32), vout: 0, valueSat: 100_000n }],
      signed: null,
      providerState: 'open',
      outcome: { kind: 'running' },
      left: true,
      dearRefund: null,
      agreedFeeSat: null,
    });
  });

  test('a second payment that was too dear to go with the first follows it when fees are lower', async () => {
    [chain.coins, chain.satPerVbyte] = [[coin('aa', 100_000n), coin('bb', 4_000n)], 10];
    await look();
    const first = stored().outcome;
    expect([first.kind, chain.coins.length]).toEqual(['refunded', 1]);
    await look();
    expect([stored().outcome, isSettled(stored())]).toEqual([first, false]);

    chain.mine();
    await look();
    expect(stored()).toMatchObject({ outcome: { ...first, confirmed: true }, dearRefund: { amountSat: 4_000n } });
    expect([isSettled(stored()), chain.spends.size]).toEqual([false, 1]);

    chain.satPerVbyte = 1;
    await look();
    const { outcome, funding } = stored();
    expect([outcome.kind, funding[0]?.txid, chain.coins]).toEqual(['refunded', 'bb'.repeat(32), []]);
    await look();
    expect(isSettled(stored())).toBe(false);
    chain.mine();
    await look();
    expect([stored().outcome, isSettled(stored())]).toEqual([{ ...outcome, confirmed: true }, true]);
  });

  test('what was agreed to for the first is asked for again', async () => {
    [chain.coins, chain.satPerVbyte] = [[coin('aa', 4_000n)], 10];
    await look();
    await refundFor(stored(), 3_000n, [chain as unknown as Esplora]);
    chain.mine();
    chain.coins = [coin('bb', 4_000n)];
    await look();
    expect(stored()).toMatchObject({
      outcome: { kind: 'refunded', confirmed: true },
      agreedFeeSat: null,
      dearRefund: { amountSat: 4_000n },
    });
    await refundFor(stored(), 3_000n, [chain as unknown as Esplora]);
    expect(chain.coins).toEqual([]);
  });

  test('dust that is left keeps nothing from being settled', async () => {
    chain.coins = [coin('aa', 100_000n), coin('bb', 300n)];
    await look();
    chain.mine();
    await look();
    expect([stored().outcome.kind, isSettled(stored())]).toEqual(['refunded', true]);
  });

  test('what comes after it is waited for until it is in a block', async () => {
    chain.coins = [coin('aa', 100_000n)];
    await look();
    chain.mine();
    chain.coins = [{ ...coin('bb', 50_000n), status: { confirmed: false, height: null } }];
    await look();
    expect([chain.spends.size, isSettled(stored())]).toEqual([1, false]);
    chain.coins = [coin('bb', 50_000n)];
    await look();
    expect([chain.spends.size, stored().funding[0]?.txid]).toEqual([2, 'bb'.repeat(32)]);
  });

  test('a refund that no fee pays for is given up when what it was for is gone', async () => {
    chain.coins = [coin('aa', 300n)];
    await look();
    expect(stored().dearRefund).toEqual({ amountSat: 300n, feeSat: 300n });
    chain.coins = [];
    await look();
    expect(stored().dearRefund).toBeNull();
  });
});

/** One address of a chain past the expiry, as a chain server tells of it. */
class Chain {
  coins: Utxo[] = [];
  satPerVbyte = 1;
  readonly spends = new Map<string, { txid: string; status: Confirmation }>();

  tipHeight = async (): Promise<number> => 400;
  utxos = async (): Promise<readonly Utxo[]> => this.coins;
  spender = async (txid: string, vout: number) => this.spends.get(`${txid}:${vout}`) ?? null;
  feeRate = async (): Promise<number> => this.satPerVbyte;

  broadcast = async (hex: string): Promise<string> => {
    const transaction = Transaction.fromRaw(fromHex('transaction', hex), { allowUnknownInputs: true, allowUnknownOutputs: true });
    for (let index = 0; index < transaction.inputsLength; index += 1) {
      const { txid, index: vout } = transaction.getInput(index);
      const spent = toHex(txid ?? new Uint8Array());
      this.coins = this.coins.filter((coin) => coin.txid !== spent || coin.vout !== vout);
      this.spends.set(`${spent}:${vout}`, { txid: transaction.id, status: { confirmed: false, height: null } });
    }
    return transaction.id;
  };

  mine(): void {
    for (const [outpoint, { txid }] of this.spends) this.spends.set(outpoint, { txid, status: { confirmed: true, height: 401 } });
  }
}
