/** The terms as people say them: a share in percent, ether a view, satoshi a minute. */
import type { Address } from 'viem';
import type { Terms } from '../api/model.ts';
import { formatUnits, msatPerMinuteToMsatPerSecond, parseUnits } from '../money.ts';

export interface TermsText {
  readonly share: string;
  readonly perView: string;
  readonly satPerMinute: string;
}

export const newTerms: TermsText = { share: '90', perView: '0.001', satPerMinute: '1200' };

/** Terms that are registered, for editing. msat per second that are no whole satoshi a minute keep three decimals. */
export function termsText(terms: Terms): TermsText {
  return {
    share: formatUnits(BigInt(terms.creatorShareBps), 2),
    perView: formatUnits(terms.pricePerView, 18),
    satPerMinute: formatUnits(terms.msatPerSecond * 60n, 3),
  };
}

/** A sentence, or the terms for the contract. */
export function readTermsText(text: TermsText, payout: Address): Terms | string {
  const share = parseUnits(text.share, 2);
  if (share === null || share > 10_000n) return 'The share is a percentage from 0 to 100.';
  const perView = parseUnits(text.perView, 18);
  if (perView === null || perView >= 2n ** 96n) return 'The price of a view is an amount of ether, such as 0.001.';
  const milliSatPerMinute = parseUnits(text.satPerMinute, 3);
  if (milliSatPerMinute === null || milliSatPerMinute > 10n ** 15n) return 'The price of a minute is an amount of satoshi, such as 1200.';
  return {
    token: '0x0000000000000000000000000000000000000000',
    payout,
    creatorShareBps: Number(share),
    pricePerView: perView,
    pricePerSecond: 0n,
    msatPerSecond: msatPerMinuteToMsatPerSecond(milliSatPerMinute),
  };
}

export function TermsFields({ value, onChange }: { value: TermsText; onChange: (value: TermsText) => void }) {
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
      <label className="field">
        <span>Ether a view</span>
        <input
          className="input mono"
          inputMode="decimal"
          value={value.perView}
          onChange={(event) => onChange({ ...value, perView: event.target.value })}
          data-testid="terms-per-view"
        />
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
