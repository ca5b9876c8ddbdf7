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
      <div className="table-scroll">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">For</th>
              <th scope="col" className="amount">
                The viewer pays
              </th>
              <th scope="col" className="amount">
                You earn
              </th>
              <th scope="col" className="amount">
                The provider earns
              </th>
            </tr>
          </thead>
          <tbody>
            {hour !== null && <Row name="An hour watched, in Bitcoin" of="hour" division={hour} format={formatSat} />}
            {view !== null && (
              <Row name="A bought view, however long" of="view" division={view} format={(amount) => formatPrice(amount, currency)} />
            )}
          </tbody>
        </table>
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

function Row(props: { name: string; of: string; division: Division; format: (amount: bigint) => string }) {
  const { of, division, format } = props;
  return (
    <tr>
      <th scope="row">{props.name}</th>
      {(['paid', 'creator', 'provider'] as const).map((who) => (
        <td key={who} className="mono amount" data-testid={`preview-${of}-${who}`} data-value={division[who].toString()}>
          {format(division[who])}
        </td>
      ))}
    </tr>
  );
}
