/** How a cumulative amount is split (section 4.2). */
import { divideRoundedUp } from './bytes.ts';
import { ChannelError } from './error.ts';
import { dustLimit } from './script.ts';
import type { ChannelTerms } from './terms.ts';

/** A zero means that the output is not made; the change is always made. */
export interface Payouts {
  readonly providerSat: bigint;
  readonly creatorSat: bigint;
  readonly changeSat: bigint;
}

/** The highest amount that a channel of this capacity can pay: `V - F - dust(change)`; zero when it can pay nothing. */
export function maxPaid(terms: ChannelTerms, capacitySat: bigint): bigint {
  const max = capacitySat - terms.feeSat - dustLimit(terms.changeScript);
  return max > 0n ? max : 0n;
}

/** Splits `paidSat`; throws `amount_not_rising` for nothing and `amount_exceeds_capacity` over `maxPaid`. */
export function split(terms: ChannelTerms, capacitySat: bigint, paidSat: bigint): Payouts {
  if (paidSat <= 0n) throw new ChannelError('amount_not_rising', `the payment of ${paidSat} sat is not above 0`);
  const max = maxPaid(terms, capacitySat);
  if (paidSat > max)
    throw new ChannelError('amount_exceeds_capacity', `the payment of ${paidSat} sat is over the channel's bound of ${max} sat`);
  const [providerSat, creatorSat] = payees(terms, paidSat);
  return { providerSat, creatorSat, changeSat: capacitySat - terms.feeSat - providerSat - creatorSat };
}

function payees(terms: ChannelTerms, paidSat: bigint): readonly [bigint, bigint] {
  const providerDust = dustLimit(terms.providerScript);
  if (terms.creatorShareBps === 0) return paidSat >= providerDust ? [paidSat, 0n] : [0n, 0n];
  const creatorDust = dustLimit(terms.creatorScript);
  const creator = divideRoundedUp(paidSat * BigInt(terms.creatorShareBps), 10_000n);
  const provider = paidSat - creator;
  if ((provider === 0n || provider >= providerDust) && creator >= creatorDust) return [provider, creator];
  if (provider >= providerDust) return [paidSat, 0n];
  if (creator >= creatorDust) return [0n, paidSat];
  return paidSat >= providerDust ? [paidSat, 0n] : [0n, 0n];
}
