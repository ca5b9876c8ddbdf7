/** The currencies of views: ether, the tokens of config.json, and whatever else the registry may name. */
import type { Address } from 'viem';
import type { Token } from './config.ts';
import { formatUnits, shorten } from './money.ts';

export const etherAddress: Address = '0x0000000000000000000000000000000000000000';

export interface Currency {
  readonly address: Address;
  readonly symbol: string;
  readonly decimals: number;
  /** False: no entry in config.json; amounts are shown in the token's smallest unit, and nobody is asked to sign over it. */
  readonly known: boolean;
}

export const ether: Currency = { address: etherAddress, symbol: 'ETH', decimals: 18, known: true };

export function currencyOf(tokens: readonly Token[], address: string): Currency {
  const wanted = address.toLowerCase() as Address;
  if (wanted === etherAddress) return ether;
  const token = tokens.find((entry) => entry.address === wanted);
  return token === undefined
    ? { address: wanted, symbol: `units of ${shorten(wanted)}`, decimals: 0, known: false }
    : { address: wanted, symbol: token.symbol, decimals: token.decimals, known: true };
}

/** 1500000 of a token with six decimals -> "1.5 TST". */
export function formatPrice(amount: bigint, currency: Currency): string {
  return `${formatUnits(amount, currency.decimals)} ${currency.symbol}`;
}
