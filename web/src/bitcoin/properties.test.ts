/** The rules of money as properties, over every kind of script, share, fee and amount. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { closingTransaction } from './closing.ts';
import { codeOf, fundingOf, scripts, termsWith, viewerSecret } from './fixture.ts';
import { signPayment, verifyPayment } from './payment.ts';
import { signRefund } from './refund.ts';
import { dustLimit } from './script.ts';
import { maxPaid, split } from './split.ts';
import type { ChannelTerms } from './terms.ts';

// Elliptic curves on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });

const anyScript = fc.constantFrom(...Object.values(scripts));

const anyTerms = fc
  .record({
    share: fc.oneof(fc.constantFrom(0, 9_000, 10_000), fc.integer({ min: 1, max: 9_999 })),
    creator: anyScript,
    provider: anyScript,
    change: fc.constantFrom(scripts.p2wpkh, scripts.p2wsh, scripts.p2tr),
    fee: fc.bigInt({ min: 1n, max: 5_000n }),
  })
  .filter(({ share, creator, provider }) => share === 0 || creator !== provider)
  .map(({ share, creator, provider, change, fee }) =>
    termsWith({
      creator_share_bps: share,
      creator_script: share === 0 ? '' : creator,
      provider_script: provider,
      change_script: change,
      fee_sat: fee.toString(),
    }),
  );

/** Terms, a capacity that can pay something, and an amount within the bound: often small, where dust is, and sometimes the bound itself. */
const anyPayment = fc
  .tuple(
    anyTerms,
    fc.oneof(
      fc.bigInt({ min: 1n, max: 3_000n }),
      fc.bigInt({ min: 1n, max: 10_000_000n }),
      fc.bigInt({ min: 1n, max: 2_099_999_999_900_000n }),
    ),
  )
  .chain(([terms, spare]) =>
    fc.record({
      terms: fc.constant(terms),
      capacity: fc.constant(spare + terms.feeSat + dustLimit(terms.changeScript)),
      paid: fc.oneof(fc.bigInt({ min: 1n, max: spare < 1_500n ? spare : 1_500n }), fc.bigInt({ min: 1n, max: spare }), fc.constant(spare)),
    }),
  );

function shares(terms: ChannelTerms, paid: bigint): readonly [bigint, bigint] {
  const product = paid * BigInt(terms.creatorShareBps);
  const creator = product / 10_000n + (product % 10_000n === 0n ? 0n : 1n);
  return [paid - creator, creator];
}

describe('split', () => {
  test('outputs and fee always add up to the capacity, no output is dust, and the change is always made', () => {
    fc.assert(
      fc.property(anyPayment, ({ terms, capacity, paid }) => {
        const { transaction } = closingTransaction(terms, fundingOf(capacity), paid);
        let sum = terms.feeSat;
        for (let index = 0; index < transaction.outputsLength; index++) {
          const { amount, script } = transaction.getOutput(index);
          if (amount === undefined || script === undefined) throw new Error('an output is incomplete');
          expect(amount >= dustLimit(script)).toBe(true);
          sum += amount;
        }
        expect(sum).toBe(capacity);
        expect(transaction.getOutput(transaction.outputsLength - 1).script).toEqual(terms.changeScript);
      }),
    );
  });

  test('less than one dust limit is displaced, and both get their exact shares above it', () => {
    fc.assert(
      fc.property(anyPayment, ({ terms, capacity, paid }) => {
        const payouts = split(terms, capacity, paid);
        const [provider, creator] = shares(terms, paid);
        expect(provider - payouts.providerSat < dustLimit(terms.providerScript)).toBe(true);
        if (creator > payouts.creatorSat) expect(creator - payouts.creatorSat < dustLimit(terms.creatorScript)).toBe(true);
        expect(paid - payouts.providerSat - payouts.creatorSat < dustLimit(terms.providerScript)).toBe(true);
        if (provider >= 546n && (creator === 0n || creator >= 546n)) {
          expect([payouts.providerSat, payouts.creatorSat]).toEqual([provider, creator]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('an amount over the bound is refused', () => {
    fc.assert(
      fc.property(anyPayment, fc.bigInt({ min: 1n, max: 1_000_000n }), ({ terms, capacity }, excess) => {
        const max = maxPaid(terms, capacity);
        expect(codeOf(() => split(terms, capacity, max))).toBe('accepted');
        expect(codeOf(() => split(terms, capacity, max + excess))).toBe('amount_exceeds_capacity');
      }),
    );
  });
});

describe('payments', () => {
  test('every payment within the bound verifies, and none for another amount that pays otherwise', () => {
    fc.assert(
      fc.property(anyPayment, fc.integer({ min: 1, max: 0xffff_ffff }), ({ terms, capacity, paid }, sequence) => {
        const funding = fundingOf(capacity);
        const payment = signPayment(terms, funding, { sequence, paidSat: paid }, viewerSecret);
        verifyPayment(terms, funding, payment);
        if (paid > 1n && split(terms, capacity, paid).changeSat !== split(terms, capacity, paid - 1n).changeSat) {
          expect(codeOf(() => verifyPayment(terms, funding, { ...payment, paid_sat: (paid - 1n).toString() }))).toBe('bad_signature');
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('refund', () => {
  test('gives back everything but its fee, or says that nothing would be left', () => {
    fc.assert(
      fc.property(anyPayment, fc.bigInt({ min: 0n, max: 10_000n }), ({ terms, capacity }, fee) => {
        if (capacity - fee < dustLimit(terms.changeScript)) {
          expect(codeOf(() => signRefund(terms, fundingOf(capacity), fee, viewerSecret))).toBe('malformed');
        } else {
          expect(signRefund(terms, fundingOf(capacity), fee, viewerSecret).valueSat + fee).toBe(capacity);
        }
      }),
      { numRuns: 25 },
    );
  });
});
