import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readTermsText, termsText } from './terms-form.tsx';

const me = '0x00000000000000000000000000000000000000aa';

test('the terms of the form are those of the contract', () => {
  expect(readTermsText({ share: '90', perView: '0.001', satPerMinute: '1200' }, me)).toMatchObject({
    creatorShareBps: 9000,
    pricePerView: 1_000_000_000_000_000n,
    msatPerSecond: 20_000n,
    payout: me,
  });
});

test.each([
  [{ share: '101', perView: '0', satPerMinute: '0' }, 'percentage'],
  [{ share: '-1', perView: '0', satPerMinute: '0' }, 'percentage'],
  [{ share: '1', perView: 'much', satPerMinute: '0' }, 'ether'],
  [{ share: '1', perView: '0', satPerMinute: '1e3' }, 'satoshi'],
])('what is no price is named: %j', (text, word) => expect(readTermsText(text, me)).toContain(word));

test('terms that are edited and left alone stay as they are', () => {
  fc.assert(
    fc.property(
      fc.bigInt(0n, 10n ** 12n),
      fc.integer({ min: 0, max: 10_000 }),
      fc.bigInt(0n, 2n ** 95n),
      (msatPerSecond, creatorShareBps, pricePerView) => {
        const terms = {
          token: '0x0000000000000000000000000000000000000000',
          payout: me,
          creatorShareBps,
          pricePerView,
          pricePerSecond: 0n,
          msatPerSecond,
        } as const;
        expect(readTermsText(termsText(terms), me)).toEqual(terms);
      },
    ),
  );
});
