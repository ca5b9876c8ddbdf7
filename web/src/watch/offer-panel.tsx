import { useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import type { Content, Stream } from '../api/model.ts';
import { objectionToOffer } from '../channels/agreement.ts';
import { chainServers } from '../channels/chain-servers.ts';
import { openChannel } from '../channels/open.ts';
import { refundTime } from '../channels/refund-time.ts';
import { useTip } from '../channels/use-tip.ts';
import { costOf, formatRate, formatSat, formatShare, shorten } from '../money.ts';
import { Provider } from '../provider/client.ts';
import type { Offer } from '../provider/wire.ts';
import { useServices } from '../services.tsx';
import { formatClock } from '../stored/clock.ts';
import type { StoredVideo } from '../stored/offer.ts';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { useChangeAddress } from './change-address.ts';
import { OffAirWarning } from './off-air.tsx';

const mostMinutes = 1440;

/** Minutes to choose from. Of a stored video first the whole of it, and a little for what a seek reads twice. */
function presetsFor(stored: StoredVideo | null): readonly number[] {
  if (stored === null) return [5, 15, 60];
  const whole = Math.min(mostMinutes, Math.max(1, Math.ceil((stored.durationMs * 1.05) / 60_000)));
  return [...new Set([whole, 5, 15, 60, 120])].slice(0, 3);
}

/** What leaves the channel beside payments: the closing fee and the smallest change (330 sat covers every kind of address). */
const reserve = (feeSat: bigint): bigint => feeSat + 330n;

export function OfferPanel(props: {
  content: Content;
  offer: Offer;
  stream: Stream;
  streams: readonly Stream[];
  onProvider: (provider: string) => void;
}) {
  const { config } = useServices();
  const { content, offer } = props;
  const presets = presetsFor(offer.stored);
  const isThere = offer.live || offer.stored !== null;
  const [minutes, setMinutes] = useState<number>(offer.stored === null ? 15 : (presets[0] ?? 15));
  const [custom, setCustom] = useState('');
  const [goesOn, setGoesOn] = useState(false);
  const queries = useQueryClient();
  const tip = useTip(props.stream.url, !isThere);
  const warned = useId();
  const change = useChangeAddress(config.bitcoin.network);
  const rail = offer.bitcoin;
  const objection = objectionToOffer(content, offer, config.bitcoin.network);
  const wanted = custom === '' ? minutes : Number(custom);
  const validMinutes = Number.isInteger(wanted) && wanted >= 1 && wanted <= mostMinutes;
  const cost = rail === null || !validMinutes ? 0n : costOf(rail.msatPerSecond, BigInt(wanted) * 60_000n) + reserve(rail.feeSat);
  const amount = rail !== null && cost < rail.minCapacitySat ? rail.minCapacitySat : cost;

  const open = async (): Promise<void> => {
    if (rail === null) return;
    change.remember();
    void navigator.storage?.persist?.();
    const provider = new Provider(props.stream.url);
    // The closing fee follows the network's feerate: agree on the offer of this moment, not on the one that was read a while ago.
    const fresh = await provider.offer(content.contentId);
    const refused = objectionToOffer(content, fresh, config.bitcoin.network);
    if (offer.live && !fresh.live) {
      void queries.invalidateQueries({ queryKey: ['offer'] });
      throw new Error('The broadcast has just ended. Nothing was sent; look at the offer again before you fund a channel.');
    }
    if (refused !== null || fresh.bitcoin === null) throw new Error(refused ?? 'This provider does not take Bitcoin for this content.');
    if (fresh.bitcoin.feeSat > rail.feeSat * 2n || fresh.bitcoin.minCapacitySat > amount) {
      throw new Error('Bitcoin’s fees have just risen, and the offer with them. Look at the new amount and try again.');
    }
    await openChannel({
      provider,
      chain: chainServers(config, provider.url),
      contentId: content.contentId,
      title: content.name,
      rail: fresh.bitcoin,
      amountSat: amount,
      changeAddress: change.address.trim(),
    });
  };

  return (
    <section className="card stack" aria-label="Offer" data-testid="offer">
      <div className="row spread">
        <h2>Watch with Bitcoin</h2>
        {offer.stored !== null ? (
          <span className="badge" data-testid="stored-duration" data-value={offer.stored.durationMs}>
            Video · {formatClock(offer.stored.durationMs / 1000)}
          </span>
        ) : offer.live ? (
          <span className="badge live">Live</span>
        ) : (
          <span className="badge">Off air</span>
        )}
      </div>
      {rail !== null && (
        <p className="meter-paid">
          <span className="meter-figure">{formatRate(rail.msatPerSecond)}</span>
          <span className="quiet">sat a second</span>
        </p>
      )}
      {rail !== null && (
        <dl className="facts">
          <dt>A minute</dt>
          <dd className="mono">{formatRate(rail.msatPerSecond, 60n)} sat</dd>
          <dt>An hour</dt>
          <dd className="mono">{formatRate(rail.msatPerSecond, 3600n)} sat</dd>
          <dt>Creator’s share</dt>
          <dd className="mono">{formatShare(content.terms.creatorShareBps)}</dd>
          <dt>Carried by</dt>
          <dd>
            {props.streams.length > 1 ? (
              <select
                className="input"
                value={props.stream.provider}
                onChange={(event) => props.onProvider(event.target.value)}
                aria-label="Provider"
                data-testid="provider-choice"
              >
                {props.streams.map((stream) => (
                  <option key={stream.provider} value={stream.provider}>
                    {hostOf(stream.url)} {stream.liveness === 'live' && offer.stored === null ? '· live' : ''}
                  </option>
                ))}
              </select>
            ) : (
              <span title={props.stream.url}>
                {hostOf(props.stream.url)} <span className="mono faint">{shorten(offer.provider)}</span>
              </span>
            )}
          </dd>
        </dl>
      )}
      {rail === null && content.terms.msatPerSecond === 0n ? (
        <p className="quiet" data-testid="not-by-the-second">
          {content.terms.pricePerView > 0n
            ? 'Its creator sells whole views, and not by the second: see below.'
            : 'Its creator has set no price yet, so there is no way to watch it here.'}
        </p>
      ) : (
        objection !== null && <Problem>{objection}</Problem>
      )}
      {rail !== null && objection === null && (
        <>
          <fieldset className="choices" aria-label="How long">
            {presets.map((preset) => (
              <label key={preset} className="choice">
                <input
                  type="radio"
                  name="minutes"
                  checked={custom === '' && minutes === preset}
                  onChange={() => {
                    setMinutes(preset);
                    setCustom('');
                  }}
                />
                <span>{preset} min</span>
              </label>
            ))}
            <input
              className="input"
              inputMode="numeric"
              placeholder="Other"
              aria-label="Other number of minutes"
              value={custom}
              onChange={(event) => setCustom(event.target.value.replace(/\D/g, '').slice(0, 4))}
              data-testid="minutes"
            />
          </fieldset>
          <label className="field">
            <span>Your Bitcoin address for what is left over</span>
            <input
              className="input mono"
              spellCheck={false}
              autoComplete="off"
              placeholder={config.bitcoin.network === 'bitcoin' ? 'bc1…' : config.bitcoin.network === 'regtest' ? 'bcrt1…' : 'tb1…'}
              value={change.address}
              onChange={(event) => change.setAddress(event.target.value)}
              data-testid="change-address"
            />
            {change.problem !== null ? (
              <span className="hint" role="alert" style={{ color: 'var(--bad)' }}>
                {change.problem}
              </span>
            ) : (
              <span className="hint">Change and refunds go there. A fresh receiving address of your wallet is best.</span>
            )}
          </label>
          {!isThere && (
            <>
              <OffAirWarning id={warned} when={refundTime(rail.expiryHeight, tip.data ?? null)} />
              <label className="check">
                <input
                  type="checkbox"
                  checked={goesOn}
                  onChange={(event) => setGoesOn(event.target.checked)}
                  aria-describedby={warned}
                  data-testid="off-air-accept"
                />
                <span>I know that it is off air, and want to wait for it</span>
              </label>
            </>
          )}
          <ActionButton
            action={open}
            className="primary wide"
            busyLabel="Opening the channel…"
            disabled={!validMinutes || change.address.trim() === '' || change.problem !== null || !(isThere || goesOn)}
            testId="watch"
          >
            {validMinutes ? `${isThere ? 'Watch' : 'Wait for it'} · fund ${formatSat(amount)}` : `Choose 1 to ${mostMinutes} minutes`}
          </ActionButton>
          <p className="faint">
            {offer.stored === null ? 'You pay only for the seconds you watch.' : 'You pay only for what is read for you, by the second.'}{' '}
            {formatSat(rail.feeSat)} of it pay the network when the channel closes.
          </p>
        </>
      )}
    </section>
  );
}

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}
