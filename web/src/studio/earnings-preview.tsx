import { Fragment } from 'react';
import type { Address } from 'viem';
import type { Terms } from '../api/model.ts';
import { currencyOf, formatPrice } from '../currency.ts';
import { formatSat } from '../money.ts';
import { useServices } from '../services.tsx';
import { useBitcoinPayout } from './bitcoin-payout.ts';
import { type Division, previewOf } from './preview.ts';

/** What each of them earns by the terms of `account`, as they are typed, and what stands in the way of it. */
export function EarningsPreview({ terms, account }: { terms: Terms; account: Address }) {
  const { config } = useServices();
  const payout = useBitcoinPayout(account);
  const { hour, view } = previewOf(terms);
  const currency = currencyOf(config.tokens, terms.token);
  return (
    <div className="stack-s" data-testid="earnings-preview">
      <div className="preview">
        {hour !== null && <Earned name="An hour watched, in Bitcoin" of="hour" division={hour} format={formatSat} />}
        {view !== null && (
          <Earned name="A bought view, however long" of="view" division={view} format={(amount) => formatPrice(amount, currency)} />
        )}
      </div>
      {hour !== null && payout.data === '0x' && (
        <p className="notice warn" data-testid="payout-missing">
          Nobody can pay you with Bitcoin yet: your account has no Bitcoin payout. Save an address under “Bitcoin payout”; it counts for all
          of your content.
        </p>
      )}
      <p className="hint">
        {hour === null && view === null
          ? 'Without any price nobody pays, and nobody earns.'
          : hour === null
            ? 'Without a price in Bitcoin it cannot be watched by the second.'
            : 'By the second, as long as it plays. The fee of the Bitcoin network is the viewer’s.'}
      </p>
    </div>
  );
}

const parties = { paid: 'The viewer pays', creator: 'You earn', provider: 'The provider earns' } as const;

function Earned(props: { name: string; of: string; division: Division; format: (amount: bigint) => string }) {
  const { of, division, format } = props;
  return (
    <div className="stack-s">
      <p>
        <strong>{props.name}</strong>
      </p>
      <dl className="facts">
        {(['paid', 'creator', 'provider'] as const).map((who) => (
          <Fragment key={who}>
            <dt>{parties[who]}</dt>
            <dd className="mono" data-testid={`preview-${of}-${who}`} data-value={division[who].toString()}>
              {format(division[who])}
            </dd>
          </Fragment>
        ))}
      </dl>
    </div>
  );
}
