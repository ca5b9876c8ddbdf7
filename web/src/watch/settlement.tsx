import { useQuery } from '@tanstack/react-query';
import { chainServers } from '../channels/chain-servers.ts';
import { refundFor } from '../channels/keeper.ts';
import { capacityOf, payoutsOf } from '../channels/pay.ts';
import { refundTime } from '../channels/refund-time.ts';
import { type RefundCost, takesAll } from '../channels/refunding.ts';
import type { ChannelRecord } from '../channels/store.ts';
import { useTip } from '../channels/use-tip.ts';
import { firstAnswer, type Transaction } from '../esplora/client.ts';
import { formatInteger, formatSat } from '../money.ts';
import { useServices } from '../services.tsx';
import { ActionButton } from '../ui/action-button.tsx';
import { CopyLine } from '../ui/copy.tsx';

/** How a channel ended: the transaction that settles it, its confirmation, and who gets what. */
export function Settlement({ record }: { record: ChannelRecord }) {
  const { config } = useServices();
  const { outcome } = record;
  const txid = outcome.kind === 'running' ? null : outcome.txid;
  const transaction = useQuery({
    queryKey: ['transaction', txid],
    enabled: txid !== null,
    queryFn: () => firstAnswer(chainServers(config, record.providerUrl), (server) => server.transaction(txid ?? '')),
    refetchInterval: (query) => (query.state.data?.status.confirmed === true ? false : 3_000),
  });
  const confirmed = transaction.data?.status.confirmed === true || (outcome.kind !== 'running' && outcome.confirmed);
  return (
    <div className="stack" data-testid="settlement" data-outcome={outcome.kind}>
      <p className="meter-state" role="status" data-testid="settlement-state">
        <span className={`lamp ${confirmed ? 'on' : 'wait'}`} aria-hidden="true" />
        {title(record, confirmed)}
      </p>
      {record.dearRefund !== null ? (
        <DearRefund record={record} cost={record.dearRefund} />
      ) : (
        outcome.kind === 'running' && record.funding.length > 0 && <RefundNote record={record} />
      )}
      {outcome.kind === 'closed' && <Split record={record} transaction={transaction.data ?? null} />}
      {outcome.kind === 'refunded' && transaction.data?.outputs[0] !== undefined && (
        <p className="quiet">
          <span className="mono">{formatSat(transaction.data.outputs[0].valueSat)}</span> go back to your address.
        </p>
      )}
      {txid !== null && (
        <div className="stack-s">
          <p className="faint">{outcome.kind === 'refunded' ? 'Refund transaction' : 'Closing transaction'}</p>
          <CopyLine value={txid} label="the transaction id" testId="closing-txid" />
        </div>
      )}
    </div>
  );
}

function title(record: ChannelRecord, confirmed: boolean): string {
  if (record.dearRefund !== null) {
    return takesAll(record.dearRefund) ? 'No refund: too little for the fee of one' : 'Refund due: waiting for lower fees';
  }
  switch (record.outcome.kind) {
    case 'closed':
      return confirmed ? 'Settled and confirmed' : 'Settling: waiting for confirmation';
    case 'refunded':
      return confirmed ? 'Refunded and confirmed' : 'Refund broadcast: waiting for confirmation';
    case 'running':
      if (record.funding.length === 0) return 'Never funded';
      return record.signed === null ? 'Nothing was paid: waiting for the refund' : 'Waiting for the provider to settle';
  }
}

/** The way back that needs nobody, for as long as no transaction has settled the channel. */
function RefundNote({ record }: { record: ChannelRecord }) {
  const tip = useTip(record.providerUrl);
  const when = refundTime(record.terms.expiry_height, tip.data ?? null);
  return (
    <p className="quiet" data-testid="refund-note">
      {record.signed === null
        ? 'This page refunds your money by itself '
        : 'Should the provider not settle, this page refunds your money by itself '}
      {when}; when the fee is above a tenth of it, it asks you first. It must be open then, here or wherever you have opened the recovery
      file.
    </p>
  );
}

/** Once it is due nothing is lost by waiting, so a fee of more than a tenth is the viewer's to choose. */
function DearRefund({ record, cost: { amountSat, feeSat } }: { record: ChannelRecord; cost: RefundCost }) {
  const { config } = useServices();
  if (takesAll({ amountSat, feeSat })) {
    return (
      <p className="notice warn" data-testid="dear-refund">
        {formatSat(amountSat)} cannot be sent back: the fee of a transaction would take all of it. You can remove the channel from the list.
      </p>
    );
  }
  return (
    <div className="notice warn stack-s" role="status" data-testid="dear-refund" data-fee={feeSat.toString()}>
      <p>
        A refund of {formatSat(amountSat)} would cost {formatSat(feeSat)} now: more than a tenth. Nothing was sent and nothing is lost. This
        page refunds you by itself as soon as fees are lower.
      </p>
      <ActionButton
        action={() => refundFor(record, feeSat, chainServers(config, record.providerUrl))}
        className="small"
        busyLabel="Sending…"
        testId="refund-now"
      >
        Refund now for {formatSat(feeSat)}; {formatSat(amountSat - feeSat)} come back
      </ActionButton>
    </div>
  );
}

/** By script, from the transaction itself; until it is seen, from the last payment signed. */
function Split({ record, transaction }: { record: ChannelRecord; transaction: Transaction | null }) {
  const signed = signedPayouts(record);
  const payouts = transaction === null ? signed : paidOut(record, transaction);
  if (payouts === null) return null;
  const total = payouts.creator + payouts.provider + payouts.change;
  const percent = (part: bigint): string => `${total === 0n ? 0 : Number((part * 1000n) / total) / 10}%`;
  const parties = [
    ['creator', 'Creator', payouts.creator],
    ['provider', 'Provider', payouts.provider],
    ['change', 'Back to you', payouts.change],
  ] as const;
  return (
    <div className="stack-s">
      {isFree(payouts) && (
        <p className="quiet">
          {signed !== null && isFree(signed) ? 'What was paid is less than Bitcoin can pay out' : 'Nothing was paid to anybody'}: all of it
          comes back but the network’s fee.
        </p>
      )}
      <div className="split-bar" aria-hidden="true">
        {parties.map(([name, , sat]) => (
          <i key={name} className={name} style={{ width: percent(sat) }} />
        ))}
      </div>
      <dl className="facts">
        {parties.map(([name, label, sat]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt className={`key ${name}`}>{label}</dt>
            <dd className="mono" data-testid={`split-${name}`} data-value={sat.toString()}>
              {formatInteger(sat)} sat
            </dd>
          </div>
        ))}
        <dt>Network fee</dt>
        <dd className="mono">{formatInteger(capacityOf(record) - total)} sat</dd>
      </dl>
    </div>
  );
}

interface Parts {
  readonly creator: bigint;
  readonly provider: bigint;
  readonly change: bigint;
}

function isFree({ creator, provider }: Parts): boolean {
  return creator + provider === 0n;
}

function signedPayouts(record: ChannelRecord): Parts | null {
  const payouts = record.signed === null ? null : payoutsOf(record, record.signed.paidSat);
  return payouts === null ? null : { creator: payouts.creatorSat, provider: payouts.providerSat, change: payouts.changeSat };
}

function paidOut({ terms }: ChannelRecord, transaction: Transaction): Parts {
  const to = (script: string): bigint =>
    script === ''
      ? 0n
      : transaction.outputs.filter((output) => output.script === script).reduce((sum, output) => sum + output.valueSat, 0n);
  return { creator: to(terms.creator_script), provider: to(terms.provider_script), change: to(terms.change_script) };
}
