import { describe, expect, test } from 'vitest';
import { termsWith } from '../bitcoin/fixture.ts';
import { funding } from '../bitcoin/funding.ts';
import { refundFee } from '../bitcoin/refund.ts';
import type { Utxo } from '../esplora/client.ts';
import { dueRefund, refundRate } from './refunding.ts';

const terms = termsWith();
const dust = 294n;
const coin = (vout: number, valueSat: bigint, confirmed = true): Utxo => ({
  txid: '09'.repeat(32),
  vout,
  valueSat,
  status: { confirmed, height: confirmed ? 110 : null },
});
/** Of a refund of so many inputs. */
const feeAt = (satPerVbyte: bigint, inputs = 1): bigint =>
  refundFee(terms, funding(Array.from({ length: inputs }, (_, vout) => coin(vout, 1n))), satPerVbyte * 1000n);

describe('a due refund', () => {
  test('spends the greatest confirmed output and only what else is worth its own fee', () => {
    const spent = (utxos: readonly Utxo[]) => dueRefund(terms, utxos, 10_000n)?.spent.outputs.map(({ vout }) => vout);
    const dear = [coin(3, 330n), coin(4, 1500n)];
    expect(spent([coin(0, 100_000n, false)])).toEqual([0]);
    expect(spent([coin(1, 50_000n), coin(0, 100_000n), coin(2, 50_000n, false), ...dear])).toEqual([0, 1]);
    expect(spent(dear)).toEqual([4]);
  });

  test('leans on nothing that somebody may still replace, unless there is nothing else', () => {
    const spent = (utxos: readonly Utxo[]) => dueRefund(terms, utxos, 1000n)?.spent.outputs.map(({ vout }) => vout);
    expect(spent([coin(0, 900_000n, false), coin(1, 50_000n)])).toEqual([1]);
    expect(spent([coin(0, 50_000n, false), coin(1, 900_000n, false), coin(2, 330n)])).toEqual([1]);
  });

  test('goes without asking up to a tenth of what comes back, and not a satoshi above', () => {
    const fee = feeAt(10n);
    expect(dueRefund(terms, [coin(0, 11n * fee)], 10_000n)).toMatchObject({ modest: true, cost: { amountSat: 11n * fee, feeSat: fee } });
    expect(dueRefund(terms, [coin(0, 11n * fee - 1n)], 10_000n)).toMatchObject({ modest: false, cost: { feeSat: fee } });
  });

  test('names a fee that leaves what an output must hold at the least', () => {
    const due = dueRefund(terms, [coin(0, 3160n)], 200_000n);
    expect(feeAt(200n)).toBeGreaterThan(3160n);
    expect(due).toMatchObject({ modest: false, cost: { amountSat: 3160n, feeSat: 3160n - dust } });
  });

  test('is none when a transaction would take all of it at any fee', () => {
    const least = dust + feeAt(1n);
    expect(dueRefund(terms, [coin(0, least - 1n)], 1000n)).toBeNull();
    expect(dueRefund(terms, [coin(0, least)], 1000n)?.cost.feeSat).toBe(feeAt(1n));
    expect(dueRefund(terms, [], 1000n)).toBeNull();
  });

  test('bounds the fee rate that a server names', () => {
    expect(refundRate(null)).toBe(2000n);
    expect(refundRate(0.2)).toBe(1000n);
    expect(refundRate(12.34)).toBe(12_340n);
    expect(refundRate(1e9)).toBe(200_000n);
  });
});
