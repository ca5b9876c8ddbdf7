import { Fragment } from 'react';
import type { Terms } from '../api/model.ts';
import { currencyOf, formatPrice } from '../currency.ts';
import { formatSat } from '../money.ts';
import { useServices } from '../services.tsx';
import { type Division, previewOf } from './preview.ts';

/** What each earns by these terms, as they are typed. */
export function EarningsPreview({ terms }: { terms: Terms }) {
  const { config } = useServices();
  const { hour, view } = previewOf(terms);
  const currency = currencyOf(config.tokens, terms.token);
  return (
    <section className="stack-s" aria-label="What each earns" data-testid="earnings-preview">
      <div className="preview">
        {hour !== null && <Earned name="An hour watched, in Bitcoin" of="hour" division={hour} format={formatSat} />}
        {view !== null && (
          <Earned name="A bought view, however long" of="view" division={view} format={(amount) => formatPrice(amount, currency)} />
        )}
      </div>
      <p className="hint">
        {hour === null && view === null
          ? 'Without any price nobody pays, and nobody earns.'
          : hour === null
            ? 'Without a price in Bitcoin it cannot be watched by the second.'
            : 'By the second, as long as it plays. The fee of the Bitcoin network is the viewer’s.'}
      </p>
    </section>
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
