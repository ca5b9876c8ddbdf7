/**
 * What a due refund spends, and what it costs. Pure. Once it is due, nothing is lost by waiting: a refund whose fee would be more than a
 * tenth of what comes back is put off until fees are lower, or until the viewer says that it is worth it.
 */
import { type Funding, type FundingOutput, funding } from '../bitcoin/funding.ts';
import { refundFee } from '../bitcoin/refund.ts';
import { dustLimit } from '../bitcoin/script.ts';
import type { ChannelTerms } from '../bitcoin/terms.ts';
import type { Utxo } from '../esplora/client.ts';

export interface RefundCost {
  /** What the refund spends. */
  readonly amountSat: bigint;
  /** What of it the network gets; all of it when nothing can come back. */
  readonly feeSat: bigint;
}

export interface DueRefund {
  readonly spent: Funding;
  readonly cost: RefundCost;
  /** Whether it goes without asking. */
  readonly modest: boolean;
}

/** Whether nothing can come back of it at any fee. */
export function takesAll({ amountSat, feeSat }: RefundCost): boolean {
  return feeSat >= amountSat;
}

/** The least that nodes pass on. */
const leastMsatPerVbyte = 1000n;

/**
 * What is confirmed at the address, by mistake or to make the refund dear too, as far as it hardly adds to the cost; and the greatest of
 * what is not only when that is worth nothing: what somebody else may still replace would take the refund with it. Null: none of it is
 * worth a transaction at any fee.
 */
export function dueRefund(terms: ChannelTerms, utxos: readonly Utxo[], msatPerVbyte: bigint): DueRefund | null {
  const greatestFirst = [...utxos].sort((a, b) => Number(b.valueSat - a.valueSat));
  const confirmed = greatestFirst.filter(({ status }) => status.confirmed);
  const unconfirmed = greatestFirst.filter(({ status }) => !status.confirmed);
  return refundOf(terms, confirmed, msatPerVbyte) ?? refundOf(terms, unconfirmed.slice(0, 1), msatPerVbyte);
}

/** Of the first output, and of those of the others that are worth their own fee. */
function refundOf(terms: ChannelTerms, [greatest, ...others]: readonly Utxo[], msatPerVbyte: bigint): DueRefund | null {
  if (greatest === undefined) return null;
  const fee = (outputs: readonly FundingOutput[], rate = msatPerVbyte): bigint => refundFee(terms, funding(outputs), rate);
  // Two inputs cost more than one.
  const adds = (other: Utxo): bigint => fee([greatest, other]) - fee([greatest]);
  const outputs = [greatest, ...others.filter((other) => isModest(adds(other), other.valueSat))];
  const spent = funding(outputs.map(({ txid, vout, valueSat }) => ({ txid, vout, valueSat })));
  const amountSat = spent.capacitySat;
  const affordable = amountSat - dustLimit(terms.changeScript);
  if (affordable < fee(outputs, leastMsatPerVbyte)) return null;
  const wanted = fee(outputs);
  // biome-ignore lint/complexity/useMathMinMax: Math.min does not take bigint
  const feeSat = wanted < affordable ? wanted : affordable;
  return { spent, cost: { amountSat, feeSat }, modest: isModest(feeSat, amountSat) };
}

/** Whether a fee is at most a tenth of what is left of a value. */
function isModest(feeSat: bigint, valueSat: bigint): boolean {
  return valueSat - feeSat >= 10n * feeSat;
}

/** msat per vbyte: the server's estimate within 1 to 200 sat/vB, and 2 sat/vB without one. */
export function refundRate(satPerVbyte: number | null): bigint {
  return BigInt(Math.ceil(Math.min(200, Math.max(1, satPerVbyte ?? 2)) * 1000));
}
