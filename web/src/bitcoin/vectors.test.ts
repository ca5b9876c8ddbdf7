/** The vectors of the Rust crate: equal bytes, or one of the two is wrong. */
import { RawTx } from '@scure/btc-signer';
import { describe, expect, test } from 'vitest';
import dues from '../../../channel/vectors/dues.json';
import payments from '../../../channel/vectors/payments.json';
import refunds from '../../../channel/vectors/refunds.json';
import sessions from '../../../channel/vectors/sessions.json';
import splits from '../../../channel/vectors/split.json';
import allTerms from '../../../channel/vectors/terms.json';
import refusedTerms from '../../../channel/vectors/terms_refused.json';
import { costOf } from '../money.ts';
import { clockLimit, newSession } from '../session/core.ts';
import { fromHex, toHex } from './bytes.ts';
import { closingTransaction, viewerDigests } from './closing.ts';
import { codeOf, termsToJson } from './fixture.ts';
import { descriptor, funding, fundingAddress, fundingScript, paymentLink, witnessScript } from './funding.ts';
import { signPayment, verifyPayment } from './payment.ts';
import { refundFee, signRefund } from './refund.ts';
import { sessionDigest, signSessionStart } from './session.ts';
import { maxPaid, split } from './split.ts';
import { canonicalBytes, channelId, parseTerms, type TermsJson } from './terms.ts';

const readTerms = (json: object) => parseTerms(json as TermsJson);
const readFunding = (outputs: readonly { txid: string; vout: number; value_sat: string }[]) =>
  funding(outputs.map(({ txid, vout, value_sat }) => ({ txid, vout, valueSat: BigInt(value_sat) })).reverse());

describe('terms', () => {
  test.each(allTerms)('$name ($address)', (vector) => {
    const terms = readTerms(vector.terms);
    expect(termsToJson(terms)).toEqual(vector.terms);
    expect(toHex(canonicalBytes(terms))).toBe(vector.canonical_bytes);
    expect(channelId(terms)).toBe(vector.channel_id);
    expect(toHex(witnessScript(terms))).toBe(vector.witness_script);
    expect(toHex(fundingScript(terms))).toBe(vector.script_pubkey);
    expect(fundingAddress(terms)).toBe(vector.address);
    expect(descriptor(terms)).toBe(vector.descriptor);
    expect(paymentLink(terms, 123_450n, 'Paystream: a (first) stream & more')).toBe(vector.payment_link);
  });

  test.each(refusedTerms)('refused: $name', (vector) => {
    expect(codeOf(() => readTerms(vector.terms))).toBe(vector.code);
  });
});

describe('split', () => {
  test.each(splits)('$name', (vector) => {
    const terms = readTerms(vector.terms);
    const capacity = BigInt(vector.capacity_sat);
    expect(maxPaid(terms, capacity).toString()).toBe(vector.max_paid_sat);
    for (const row of vector.rows) {
      const { providerSat, creatorSat, changeSat } = split(terms, capacity, BigInt(row.paid_sat));
      expect([providerSat, creatorSat, changeSat].map(String)).toEqual([row.provider_sat, row.creator_sat, row.change_sat]);
    }
    for (const row of vector.refused) expect(codeOf(() => split(terms, capacity, BigInt(row.paid_sat)))).toBe(row.code);
  });
});

describe('payments', () => {
  test.each(payments)('$name, sequence $payment.sequence', (vector) => {
    const terms = readTerms(vector.terms);
    const outputs = readFunding(vector.funding);
    const paidSat = BigInt(vector.payment.paid_sat);
    const { transaction } = closingTransaction(terms, outputs, paidSat);
    expect(toHex(transaction.toBytes(true, false))).toBe(vector.unsigned);
    expect(viewerDigests(terms, outputs, transaction).map(toHex)).toEqual(vector.digests);
    const payment = signPayment(terms, outputs, { sequence: vector.payment.sequence, paidSat }, fromHex('secret', vector.viewer_secret));
    expect(payment).toEqual(vector.payment);
    verifyPayment(terms, outputs, payment);
    // What the provider broadcasts pays the very outputs that were signed.
    expect(RawTx.decode(fromHex('closing', vector.closing)).outputs).toEqual(RawTx.decode(fromHex('unsigned', vector.unsigned)).outputs);
  });
});

describe('refunds', () => {
  test.each(refunds)('$name', (vector) => {
    const terms = readTerms(vector.terms);
    const outputs = readFunding(vector.funding);
    const fee = refundFee(terms, outputs, BigInt(vector.msat_per_vbyte));
    expect(fee.toString()).toBe(vector.fee_sat);
    const refund = signRefund(terms, outputs, fee, fromHex('secret', vector.viewer_secret));
    expect(refund.hex).toBe(vector.refund);
    expect(refund.txid).toBe(vector.refund_txid);
  });
});

describe('session starts', () => {
  test.each(sessions)('nonce $nonce', (vector) => {
    const start = { nonce: vector.nonce, channelId: vector.channel_id, contentId: vector.content_id };
    expect(toHex(sessionDigest(start))).toBe(vector.digest);
    expect(signSessionStart(start, fromHex('secret', vector.viewer_secret))).toBe(vector.signature);
  });
});

describe('dues', () => {
  test.each(dues)('$ms ms at $msat_per_second msat/s from $base_sat sat', (vector) => {
    const [base, ms, rate] = [BigInt(vector.base_sat), BigInt(vector.ms), BigInt(vector.msat_per_second)];
    expect((base + costOf(rate, ms - BigInt(vector.credit_ms))).toString()).toBe(vector.due_sat);
    const session = newSession({ msatPerSecond: rate, maxPaidSat: 0n, signed: null });
    const run = { mediaToken: '', basePaidSat: base, creditMs: 0, tickMs: Number(vector.tick_ms), openMs: Number(ms), openSince: null };
    expect(clockLimit({ ...session, run }, 0).toString()).toBe(vector.limit_sat);
  });
});
