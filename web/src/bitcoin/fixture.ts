/** For tests: a channel with fixed keys, and the reason of a refusal. */
import { fromHex, toHex } from './bytes.ts';
import { ChannelError } from './error.ts';
import { type Funding, funding } from './funding.ts';
import { publicKeyOf } from './signature.ts';
import { type ChannelTerms, parseTerms, type TermsJson } from './terms.ts';

export const viewerSecret = fromHex('secret', '11'.repeat(32));
export const providerSecret = fromHex('secret', '22'.repeat(32));

/** One script of each standard kind. */
export const scripts = {
  p2pkh: `76a914${'01'.repeat(20)}88ac`,
  p2sh: `a914${'02'.repeat(20)}87`,
  p2wpkh: `0014${'03'.repeat(20)}`,
  p2wsh: `0020${'04'.repeat(32)}`,
  p2tr: '512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798',
};

export function termsWith(change: Partial<TermsJson> = {}): ChannelTerms {
  return parseTerms({
    network: 'regtest',
    content_id: `0x${'c0'.repeat(32)}`,
    viewer_key: toHex(publicKeyOf(viewerSecret)),
    provider_key: toHex(publicKeyOf(providerSecret)),
    expiry_height: 388,
    fee_sat: '316',
    msat_per_second: '20000',
    creator_share_bps: 9000,
    creator_script: `0014${'c1'.repeat(20)}`,
    provider_script: `0014${'b1'.repeat(20)}`,
    change_script: `0014${'a1'.repeat(20)}`,
    ...change,
  });
}

/** The terms as they travel. */
export function termsToJson(terms: ChannelTerms): TermsJson {
  return {
    network: terms.network,
    content_id: `0x${toHex(terms.contentId)}`,
    viewer_key: toHex(terms.viewerKey),
    provider_key: toHex(terms.providerKey),
    expiry_height: terms.expiryHeight,
    fee_sat: terms.feeSat.toString(),
    msat_per_second: terms.msatPerSecond.toString(),
    creator_share_bps: terms.creatorShareBps,
    creator_script: toHex(terms.creatorScript),
    provider_script: toHex(terms.providerScript),
    change_script: toHex(terms.changeScript),
  };
}

export function fundingOf(valueSat: bigint): Funding {
  return funding([{ txid: 'f1'.repeat(32), vout: 1, valueSat }]);
}

/** The code of the refusal, or "accepted". */
export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ChannelError) return error.code;
    throw error;
  }
  return 'accepted';
}
