/**
 * The keeper looks after stored channels against the chain: it finds the funding, follows the spend to its confirmation, and broadcasts a
 * refund as soon as it is due, unless its fee is one to ask about. `decide` is pure; `keep` asks and acts. It needs no provider.
 */
import { fromHex } from '../bitcoin/bytes.ts';
import { signRefund } from '../bitcoin/refund.ts';
import { parseTerms } from '../bitcoin/terms.ts';
import { type Confirmation, type Esplora, firstAnswer, type Utxo } from '../esplora/client.ts';
import { dueRefund, refundRate } from './refunding.ts';
import { type ChannelRecord, type FundingOutput, findChannel, updateChannel } from './store.ts';

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
  | { readonly kind: 'refund'; readonly outputs: readonly Utxo[] };

export function decide(record: ChannelRecord, facts: ChainFacts): Decision {
  const refund = record.outcome.kind === 'refunded' && record.outcome.txid === facts.spender?.txid;
  if (facts.spender !== null && (facts.utxos.length === 0 || refund)) {
    return { kind: 'spent', txid: facts.spender.txid, confirmed: facts.spender.status.confirmed, refund };
  }
  // Everything at the address, also a second payment to it by mistake: the provider's transaction spends the recorded output alone.
  if (facts.tip >= record.terms.expiry_height && facts.utxos.length > 0) return { kind: 'refund', outputs: facts.utxos };
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

async function askChain(record: ChannelRecord, chain: readonly Esplora[]): Promise<ChainFacts> {
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
    case 'spent':
      noteSpent(record, decision);
      break;
    case 'refund':
      await refund(record, decision.outputs, facts, chain);
      break;
  }
  return facts.tip;
}

/** The viewer agrees to what a refund costs, or to less. */
export async function refundFor(record: ChannelRecord, feeSat: bigint, chain: readonly Esplora[]): Promise<void> {
  const agreed = updateChannel(record.channelId, (now) => ({ ...now, agreedFeeSat: feeSat }));
  if (agreed === null) throw new Error('This browser no longer has this channel. Open its recovery file.');
  await keep(agreed, chain);
  if (findChannel(record.channelId)?.dearRefund != null) {
    throw new Error('Fees have just risen, and nothing was sent. Look at the new fee, or wait.');
  }
}

function noteSpent(record: ChannelRecord, { txid, confirmed, refund }: Extract<Decision, { kind: 'spent' }>): void {
  updateChannel(record.channelId, (now) => ({
    ...now,
    dearRefund: null,
    outcome: { kind: refund ? 'refunded' : 'closed', txid, confirmed },
  }));
}

async function refund(record: ChannelRecord, utxos: readonly Utxo[], facts: ChainFacts, chain: readonly Esplora[]): Promise<void> {
  const terms = parseTerms(record.terms);
  const rate = await firstAnswer(chain, (server) => server.feeRate(6)).catch(() => null);
  const due = dueRefund(terms, utxos, refundRate(rate));
  const agreedFeeSat = findChannel(record.channelId)?.agreedFeeSat ?? null;
  if (due === null && facts.spender !== null) {
    // What the channel held has been spent; dust that came to its address is nothing to wait for.
    const { txid, status } = facts.spender;
    noteSpent(record, { kind: 'spent', txid, confirmed: status.confirmed, refund: false });
    return;
  }
  if (due === null) {
    const amountSat = utxos.reduce((sum, { valueSat }) => sum + valueSat, 0n);
    updateChannel(record.channelId, (now) => ({ ...now, dearRefund: { amountSat, feeSat: amountSat } }));
    return;
  }
  // Of a channel that was paid while no page was open.
  const known = (now: ChannelRecord) => (now.funding.length === 0 ? due.spent.outputs.slice(0, 1) : now.funding);
  if (!due.modest && (agreedFeeSat === null || due.cost.feeSat > agreedFeeSat)) {
    updateChannel(record.channelId, (now) => ({ ...now, funding: known(now), dearRefund: due.cost }));
    return;
  }
  const built = signRefund(terms, due.spent, due.cost.feeSat, fromHex('secretKey', record.secretKey, 32));
  // Stored before it is sent, so that the page knows its own refund again.
  updateChannel(record.channelId, (now) => ({
    ...now,
    funding: known(now),
    dearRefund: null,
    outcome: { kind: 'refunded', txid: built.txid, confirmed: false },
  }));
  await firstAnswer(chain, (server) => server.broadcast(built.hex));
}
