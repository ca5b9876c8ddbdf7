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

/** The least that nodes pass on. */
const leastMsatPerVbyte = 1000n;

/**
 * The greatest output, and of what else came to the address, by mistake or to make the refund dear, that which is confirmed and hardly adds
 * to the cost. Null: all of it together is not worth a transaction at any fee.
 */
export function dueRefund(terms: ChannelTerms, utxos: readonly Utxo[], msatPerVbyte: bigint): DueRefund | null {
  const [greatest, ...others] = [...utxos].sort((a, b) => Number(b.valueSat - a.valueSat));
  if (greatest === undefined) return null;
  const fee = (outputs: readonly FundingOutput[], rate = msatPerVbyte): bigint => refundFee(terms, funding(outputs), rate);
  // Two inputs cost more than one.
  const adds = (other: Utxo): bigint => fee([greatest, other]) - fee([greatest]);
  const outputs = [greatest, ...others.filter((other) => other.status.confirmed && isModest(adds(other), other.valueSat))];
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
