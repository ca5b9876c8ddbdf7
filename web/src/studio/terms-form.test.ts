import fc from 'fast-check';
import { expect, test } from 'vitest';
import { etherAddress } from '../currency.ts';
import { readTermsText, termsText } from './terms-form.tsx';

const me = '0x00000000000000000000000000000000000000aa';
const token = { address: '0x00000000000000000000000000000000000000bb', symbol: 'TST', name: 'Test', decimals: 6, version: '1' } as const;
const ether = { token: etherAddress } as const;

test('the terms of the form are those of the contract', () => {
  expect(readTermsText({ ...ether, share: '90', perView: '0.001', satPerMinute: '1200' }, me, [])).toMatchObject({
    token: etherAddress,
    creatorShareBps: 9000,
    pricePerView: 1_000_000_000_000_000n,
    msatPerSecond: 20_000n,
    payout: me,
  });
});

test('a price in a token is in its own decimals', () => {
  expect(readTermsText({ token: token.address, share: '90', perView: '1.5', satPerMinute: '0' }, me, [token])).toMatchObject({
    token: token.address,
    pricePerView: 1_500_000n,
  });
});

test.each([
  [{ ...ether, share: '101', perView: '0', satPerMinute: '0' }, 'percentage'],
  [{ ...ether, share: '-1', perView: '0', satPerMinute: '0' }, 'percentage'],
  [{ ...ether, share: '1', perView: 'much', satPerMinute: '0' }, 'ether'],
  [{ ...ether, share: '1', perView: '0', satPerMinute: '1e3' }, 'satoshi'],
  [{ token: token.address, share: '1', perView: '0.0000001', satPerMinute: '1' }, 'TST with at most 6 decimals'],
  [{ token: me, share: '1', perView: '0.5', satPerMinute: '1' }, 'at most 0 decimals'],
] as const)('what is no price is named: %j', (text, word) => expect(readTermsText(text, me, [token])).toContain(word));

test('terms that are edited and left alone stay as they are, in any currency', () => {
  fc.assert(
    fc.property(
      fc.bigInt(0n, 10n ** 12n),
      fc.integer({ min: 0, max: 10_000 }),
      fc.bigInt(0n, 2n ** 95n),
      fc.constantFrom(etherAddress, token.address, me),
      (msatPerSecond, creatorShareBps, pricePerView, currency) => {
        const terms = { token: currency, payout: me, creatorShareBps, pricePerView, pricePerSecond: 0n, msatPerSecond } as const;
        expect(readTermsText(termsText(terms, [token]), me, [token])).toEqual(terms);
      },
    ),
  );
});
