import { expect, test } from 'vitest';
import { currencyOf, ether, etherAddress, formatPrice } from './currency.ts';

const token = { address: '0x00000000000000000000000000000000000000aa', symbol: 'TST', name: 'Test', decimals: 6, version: '1' } as const;

test('zero is ether', () => expect(currencyOf([token], etherAddress)).toBe(ether));

test('a token of the settings is shown in its own units, however its address is spelt', () => {
  expect(formatPrice(1_500_000n, currencyOf([token], '0x00000000000000000000000000000000000000AA'))).toBe('1.5 TST');
});

test('a token that the page does not know is shown in its smallest units', () => {
  const currency = currencyOf([token], `0x${'12'.repeat(20)}`);
  expect(currency.known).toBe(false);
  expect(formatPrice(1500n, currency)).toBe('1500 units of 0x1212…1212');
});
