import { describe, expect, test } from 'vitest';
import type { Content } from '../api/model.ts';
import type { BitcoinRail, Offer } from '../provider/wire.ts';
import { objectionToOffer } from './agreement.ts';

const zero = '0x0000000000000000000000000000000000000000';
const content: Content = {
  contentId: '0xaa',
  creator: zero,
  cid: 'c',
  metadataUri: '',
  name: 'n',
  active: true,
  terms: { token: zero, payout: zero, creatorShareBps: 9000, pricePerView: 0n, pricePerSecond: 0n, msatPerSecond: 20_000n },
  bitcoinPayout: '0014aa',
  registeredAt: new Date(0),
  views: 0,
  live: true,
};
const rail: BitcoinRail = {
  network: 'regtest',
  msatPerSecond: 20_000n,
  creatorShareBps: 9000,
  creatorScript: '0014aa',
  providerScript: '0014bb',
  feeSat: 316n,
  minCapacitySat: 3160n,
  previewMs: 10_000,
  minConfirmations: 1,
  expiryHeight: 388,
};
const offer = (change: Partial<BitcoinRail>): Offer => ({
  contentId: '0xaa',
  provider: zero,
  live: true,
  stored: null,
  tickMs: 1000,
  bitcoin: { ...rail, ...change },
  bitcoinUnavailable: null,
});

describe('an offer against the registry', () => {
  test('that says the same is accepted', () => expect(objectionToOffer(content, offer({}), 'regtest')).toBeNull());

  test('of a creator who is the provider has one payee', () => {
    expect(objectionToOffer(content, offer({ creatorShareBps: 0, creatorScript: '', providerScript: '0014aa' }), 'regtest')).toBeNull();
  });

  test.each([
    ['a higher price', { msatPerSecond: 20_001n }, 'price'],
    ['a lower price', { msatPerSecond: 19_999n }, 'price'],
    ['a smaller share', { creatorShareBps: 8999 }, 'share'],
    ['no share for a creator who is somebody else', { creatorShareBps: 0, creatorScript: '' }, 'share'],
    ['another script for the creator', { creatorScript: '0014cc' }, 'payout'],
    ['another network', { network: 'signet' as const }, 'network'],
  ])('with %s is refused', (_name, change, word) => expect(objectionToOffer(content, offer(change), 'regtest')).toContain(word));

  test('for another content is refused', () =>
    expect(objectionToOffer({ ...content, contentId: '0xbb' }, offer({}), 'regtest')).toContain('another content'));
});
