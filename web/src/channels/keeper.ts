/**
 * The keeper looks after stored channels against the chain: it finds the funding, follows the spend to its confirmation, and broadcasts a
 * refund as soon as it is due. `decide` is pure; `keep` asks and acts. It needs no provider.
 */
import { fromHex } from '../bitcoin/bytes.ts';
import { funding } from '../bitcoin/funding.ts';
import { isRefundable, refundFee, signRefund } from '../bitcoin/refund.ts';
import { dustLimit } from '../bitcoin/script.ts';
import { parseTerms } from '../bitcoin/terms.ts';
import { type Confirmation, type Esplora, firstAnswer, type Utxo } from '../esplora/client.ts';
import { type ChannelRecord, type FundingOutput, updateChannel } from './store.ts';

/** What the chain says about one channel. */
export interface ChainFacts {
  readonly tip: number;
  readonly utxos: readonly Utxo[];
  /** Who spent the recorded funding, if anybody did. */
  readonly spender: { readonly txid: string; readonly status: Confirmation } | null;
}

export type Decision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'funded'; readonly output: FundingOutput }
  | { readonly kind: 'spent'; readonly txid: string; readonly confirmed: boolean; readonly refund: boolean }
  | { readonly kind: 'refund'; readonly outputs: readonly FundingOutput[] };

export function decide(record: ChannelRecord, facts: ChainFacts): Decision {
  const unspent = facts.utxos.map(({ txid, vout, valueSat }) => ({ txid, vout, valueSat }));
  const refund = record.outcome.kind === 'refunded' && record.outcome.txid === facts.spender?.txid;
  if (facts.spender !== null && (unspent.length === 0 || refund)) {
    return { kind: 'spent', txid: facts.spender.txid, confirmed: facts.spender.status.confirmed, refund };
  }
  // Everything at the address, also a second payment to it by mistake: the provider's transaction spends the recorded output alone.
  if (facts.tip >= record.terms.expiry_height && unspent.length > 0) return { kind: 'refund', outputs: unspent };
  const first = facts.utxos.find((utxo) => utxo.status.confirmed) ?? facts.utxos[0];
  if (record.funding.length === 0 && first !== undefined) {
    return { kind: 'funded', output: { txid: first.txid, vout: first.vout, valueSat: first.valueSat } };
  }
  return { kind: 'wait' };
}

/** Nothing more can happen to it. */
export function isSettled(record: ChannelRecord): boolean {
  return record.outcome.kind !== 'running' && record.outcome.confirmed;
}

export async function askChain(record: ChannelRecord, chain: readonly Esplora[]): Promise<ChainFacts> {
  return firstAnswer(chain, async (server) => {
    const output = record.funding[0];
    const [tip, utxos, spender] = await Promise.all([
      server.tipHeight(),
      server.utxos(record.address),
      output === undefined ? null : server.spender(output.txid, output.vout).catch(() => null),
    ]);
    return { tip, utxos, spender };
  });
}

/** One look at one channel; returns the chain's tip. */
export async function keep(record: ChannelRecord, chain: readonly Esplora[]): Promise<number> {
  const facts = await askChain(record, chain);
  const decision = decide(record, facts);
  switch (decision.kind) {
    case 'wait':
      break;
    case 'funded':
      updateChannel(record.channelId, (now) => (now.funding.length === 0 ? { ...now, funding: [decision.output] } : now));
      break;
    case 'spent': {
      const { txid, confirmed } = decision;
      updateChannel(record.channelId, (now) => ({ ...now, outcome: { kind: decision.refund ? 'refunded' : 'closed', txid, confirmed } }));
      break;
    }
    case 'refund':
      await refund(record, decision.outputs, chain);
      break;
  }
  return facts.tip;
}

/** Stored before it is sent, so that the page knows its own refund again. */
async function refund(record: ChannelRecord, outputs: readonly FundingOutput[], chain: readonly Esplora[]): Promise<void> {
  const terms = parseTerms(record.terms);
  if (!isRefundable(terms, record.terms.expiry_height)) return;
  const spent = funding(outputs);
  const rate = await firstAnswer(chain, (server) => server.feeRate(6)).catch(() => null);
  const fee = refundFee(terms, spent, refundRate(rate));
  const affordable = spent.capacitySat - dustLimit(terms.changeScript);
  if (affordable <= 0n) return;
  // biome-ignore lint/complexity/useMathMinMax: Math.min does not take bigint
  const built = signRefund(terms, spent, fee < affordable ? fee : affordable, fromHex('secretKey', record.secretKey, 32));
  updateChannel(record.channelId, (now) => ({
    ...now,
    funding: now.funding.length === 0 ? outputs.slice(0, 1) : now.funding,
    outcome: { kind: 'refunded', txid: built.txid, confirmed: false },
  }));
  await firstAnswer(chain, (server) => server.broadcast(built.hex));
}

/** msat per vbyte: the server's estimate within 1 to 200 sat/vB, and 2 sat/vB without one. */
export function refundRate(satPerVbyte: number | null): bigint {
  return BigInt(Math.ceil(Math.min(200, Math.max(1, satPerVbyte ?? 2)) * 1000));
}
