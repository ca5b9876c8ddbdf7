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

/** The transaction that spent the recorded funding. */
interface Spend {
  readonly txid: string;
  readonly confirmed: boolean;
  /** The page's own; the provider's close otherwise. */
  readonly refund: boolean;
}

export type Decision =
  | { readonly kind: 'wait' }
  | { readonly kind: 'funded'; readonly output: FundingOutput }
  | ({ readonly kind: 'spent' } & Spend)
  | { readonly kind: 'refund'; readonly outputs: readonly Utxo[] };

export function decide(record: ChannelRecord, facts: ChainFacts): Decision {
  const spend = spendOf(record, facts);
  const left = facts.utxos.length > 0;
  const due = facts.tip >= record.terms.expiry_height;
  // What is left at the address, as of a second payment by mistake, is refunded from the expiry on, and once it and the spend before it are
  // in blocks. Until then nothing is settled.
  if (spend !== null && !(due && spend.confirmed && facts.utxos.some(({ status }) => status.confirmed))) {
    return { kind: 'spent', ...spend, confirmed: spend.confirmed && !left };
  }
  // Everything at the address: the provider's transaction spends the recorded output alone.
  if (left && due) return { kind: 'refund', outputs: facts.utxos };
  const first = facts.utxos.find((utxo) => utxo.status.confirmed) ?? facts.utxos[0];
  if (record.funding.length === 0 && first !== undefined) {
    return { kind: 'funded', output: { txid: first.txid, vout: first.vout, valueSat: first.valueSat } };
  }
  return { kind: 'wait' };
}

function spendOf(record: ChannelRecord, { spender }: ChainFacts): Spend | null {
  if (spender === null) return null;
  const refund = record.outcome.kind === 'refunded' && record.outcome.txid === spender.txid;
  return { txid: spender.txid, confirmed: spender.status.confirmed, refund };
}

/** Nothing more can happen to it. */
export function isSettled(record: ChannelRecord): boolean {
  return record.outcome.kind !== 'running' && record.outcome.confirmed && record.dearRefund === null;
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
      updateChannel(record.channelId, unspent);
      break;
    case 'funded':
      updateChannel(record.channelId, (now) => ({ ...unspent(now), funding: now.funding.length === 0 ? [decision.output] : now.funding }));
      break;
    case 'spent':
      updateChannel(record.channelId, (now) => ({ ...spentBy(now, decision), dearRefund: null }));
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

/** No transaction is seen that spends it, and none is due. */
function unspent(now: ChannelRecord): ChannelRecord {
  return { ...now, dearRefund: null, outcome: now.outcome.kind === 'running' ? now.outcome : { ...now.outcome, confirmed: false } };
}

/** What was agreed to for one refund is not agreed to for the next. */
function spentBy(now: ChannelRecord, { txid, confirmed, refund }: Spend): ChannelRecord {
  if (now.outcome.kind !== 'running' && now.outcome.txid === txid && now.outcome.confirmed === confirmed) return now;
  return { ...now, outcome: { kind: refund ? 'refunded' : 'closed', txid, confirmed }, agreedFeeSat: null };
}

async function refund(record: ChannelRecord, utxos: readonly Utxo[], facts: ChainFacts, chain: readonly Esplora[]): Promise<void> {
  const terms = parseTerms(record.terms);
  const rate = await firstAnswer(chain, (server) => server.feeRate(6)).catch(() => null);
  const spend = spendOf(record, facts);
  const confirmed = utxos.filter(({ status }) => status.confirmed);
  const due = dueRefund(terms, spend === null ? utxos : confirmed, refundRate(rate));
  const before = (now: ChannelRecord): ChannelRecord => (spend === null ? now : spentBy(now, spend));
  if (due === null) {
    const amountSat = utxos.reduce((sum, { valueSat }) => sum + valueSat, 0n);
    updateChannel(record.channelId, (now) =>
      spend === null
        ? { ...now, dearRefund: { amountSat, feeSat: amountSat } }
        : // Once what the channel held has been spent, dust that came to its address is nothing to wait for.
          { ...spentBy(now, { ...spend, confirmed: confirmed.length === utxos.length }), dearRefund: null },
    );
    return;
  }
  const stored = findChannel(record.channelId);
  const agreedFeeSat = stored === null ? null : before(stored).agreedFeeSat;
  if (!due.modest && (agreedFeeSat === null || due.cost.feeSat > agreedFeeSat)) {
    // Of a channel that was paid while no page was open.
    const known = (now: ChannelRecord) => (now.funding.length === 0 ? due.spent.outputs.slice(0, 1) : now.funding);
    updateChannel(record.channelId, (now) => ({ ...before(now), funding: known(now), dearRefund: due.cost }));
    return;
  }
  const built = signRefund(terms, due.spent, due.cost.feeSat, fromHex('secretKey', record.secretKey, 32));
  const spends = ({ txid, vout }: FundingOutput): boolean => due.spent.outputs.some((spent) => spent.txid === txid && spent.vout === vout);
  // Stored before it is sent, so that the page knows its own refund again, and by an output that this refund spends.
  updateChannel(record.channelId, (now) => ({
    ...now,
    funding: now.funding.slice(0, 1).some(spends) ? now.funding : due.spent.outputs.slice(0, 1),
    dearRefund: null,
    outcome: { kind: 'refunded', txid: built.txid, confirmed: false },
  }));
  await firstAnswer(chain, (server) => server.broadcast(built.hex));
}
