/** An offer against what the creator registered: the creator's share is enforced by what the viewer signs, so it is checked before. */
import type { Content } from '../api/model.ts';
import type { BitcoinNetwork } from '../config.ts';
import type { Offer } from '../provider/wire.ts';

/** Null when the offer is what the registry says; else a sentence. */
export function objectionToOffer(content: Content, offer: Offer, network: BitcoinNetwork): string | null {
  const rail = offer.bitcoin;
  if (offer.contentId !== content.contentId) return 'The provider answered for another content.';
  if (rail === null) return offer.bitcoinUnavailable ?? 'This provider does not take Bitcoin for this content.';
  if (rail.network !== network) return `The provider works on the Bitcoin network “${rail.network}”, and this page on “${network}”.`;
  if (rail.msatPerSecond !== content.terms.msatPerSecond) return differs('price');
  if (rail.creatorShareBps === 0 && content.terms.creatorShareBps !== 0) {
    // One payee: the creator streams it himself, to the same output.
    return content.bitcoinPayout === rail.providerScript ? null : differs('creator’s share');
  }
  if (rail.creatorShareBps !== content.terms.creatorShareBps) return differs('creator’s share');
  if (rail.creatorShareBps > 0 && rail.creatorScript !== content.bitcoinPayout) return differs('creator’s payout');
  return null;
}

const differs = (what: string): string =>
  `The provider’s offer has another ${what} than the creator registered. If the terms have just changed, reload in a moment; else choose another provider.`;
