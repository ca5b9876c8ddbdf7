/** The terms as people say them: a share in percent, a price a view in a currency, satoshi a minute. */
import type { Address } from 'viem';
import type { Terms } from '../api/model.ts';
import type { Token } from '../config.ts';
import { currencyOf, ether, etherAddress } from '../currency.ts';
import { formatUnits, msatPerMinuteToMsatPerSecond, parseUnits } from '../money.ts';
import { useServices } from '../services.tsx';

export interface TermsText {
  readonly share: string;
  /** The currency of a view's price; zero is ether. */
  readonly token: Address;
  readonly perView: string;
  readonly satPerMinute: string;
}

export const newTerms: TermsText = { share: '90', token: etherAddress, perView: '0.001', satPerMinute: '1200' };

/** Terms that are registered, for editing. msat per second that are no whole satoshi a minute keep three decimals. */
export function termsText(terms: Terms, tokens: readonly Token[]): TermsText {
  const currency = currencyOf(tokens, terms.token);
  return {
    share: formatUnits(BigInt(terms.creatorShareBps), 2),
    token: currency.address,
    perView: formatUnits(terms.pricePerView, currency.decimals),
    satPerMinute: formatUnits(terms.msatPerSecond * 60n, 3),
  };
}

/** A sentence, or the terms for the contract. */
export function readTermsText(text: TermsText, payout: Address, tokens: readonly Token[]): Terms | string {
  const share = parseUnits(text.share, 2);
  if (share === null || share > 10_000n) return 'The share is a percentage from 0 to 100.';
  const currency = currencyOf(tokens, text.token);
  const perView = parseUnits(text.perView, currency.decimals);
  if (perView === null || perView >= 2n ** 96n) return priceProblem(text.token, currency.symbol, currency.decimals);
  const milliSatPerMinute = parseUnits(text.satPerMinute, 3);
  if (milliSatPerMinute === null || milliSatPerMinute > 10n ** 15n) return 'The price of a minute is an amount of satoshi, such as 1200.';
  return {
    token: currency.address,
    payout,
    creatorShareBps: Number(share),
    pricePerView: perView,
    pricePerSecond: 0n,
    msatPerSecond: msatPerMinuteToMsatPerSecond(milliSatPerMinute),
  };
}

function priceProblem(token: Address, symbol: string, decimals: number): string {
  if (token === etherAddress) return 'The price of a view is an amount of ether, such as 0.001.';
  return `The price of a view is an amount of ${symbol} with at most ${decimals} decimals.`;
}

export function TermsFields({ value, onChange }: { value: TermsText; onChange: (value: TermsText) => void }) {
  const { config } = useServices();
  const chosen = currencyOf(config.tokens, value.token);
  const currencies = [ether, ...config.tokens.map((token) => currencyOf(config.tokens, token.address))];
  if (!chosen.known) currencies.push(chosen);
  return (
    <div className="fields">
      <label className="field">
        <span>Bitcoin, sat a minute</span>
        <input
          className="input mono"
          inputMode="decimal"
          value={value.satPerMinute}
          onChange={(event) => onChange({ ...value, satPerMinute: event.target.value })}
          data-testid="terms-sat-per-minute"
        />
        <span className="hint">0 for none</span>
      </label>
      {currencies.length > 1 && (
        <label className="field">
          <span>Currency of a view</span>
          <select
            className="input"
            value={chosen.address}
            onChange={(event) => onChange({ ...value, token: event.target.value as Address })}
            data-testid="terms-currency"
          >
            {currencies.map((currency) => (
              <option key={currency.address} value={currency.address}>
                {currency === ether ? 'Ether' : currency.symbol}
              </option>
            ))}
          </select>
          <span className="hint">{chosen === ether ? 'Viewers send a transaction.' : 'Viewers sign once and need no ether.'}</span>
        </label>
      )}
      <label className="field">
        <span>{chosen === ether ? 'Ether' : chosen.symbol} a view</span>
        <input
          className="input mono"
          inputMode="decimal"
          value={value.perView}
          onChange={(event) => onChange({ ...value, perView: event.target.value })}
          data-testid="terms-per-view"
        />
        <span className="hint">0 for none</span>
      </label>
      <label className="field">
        <span>Your share, %</span>
        <input
          className="input mono"
          inputMode="decimal"
          value={value.share}
          onChange={(event) => onChange({ ...value, share: event.target.value })}
          data-testid="terms-share"
        />
        <span className="hint">The rest goes to the provider.</span>
      </label>
    </div>
  );
}
