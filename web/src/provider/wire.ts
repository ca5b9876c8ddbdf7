/** What a provider answers over HTTP (docs/protocol.md, sections 2 and 3), read with suspicion. */
import type { BitcoinNetwork } from '../config.ts';
import { readStored, type StoredVideo } from '../stored/offer.ts';
import { asAmount, asBoolean, asHex, asInteger, asObject, asText, WireError } from '../wire.ts';

export interface BitcoinRail {
  readonly network: BitcoinNetwork;
  readonly msatPerSecond: bigint;
  readonly creatorShareBps: number;
  readonly creatorScript: string;
  readonly providerScript: string;
  readonly feeSat: bigint;
  readonly minCapacitySat: bigint;
  readonly previewMs: number;
  readonly minConfirmations: number;
  readonly expiryHeight: number;
}

export interface Offer {
  readonly contentId: string;
  readonly provider: string;
  readonly live: boolean;
  /** Null: a live stream. */
  readonly stored: StoredVideo | null;
  readonly tickMs: number;
  readonly bitcoin: BitcoinRail | null;
  /** Why there is no Bitcoin rail, when there is none. */
  readonly bitcoinUnavailable: string | null;
}

/** The terms of a channel exactly as they travel; `web/src/bitcoin` gives them meaning. */
export interface TermsJson {
  readonly network: BitcoinNetwork;
  readonly content_id: string;
  readonly viewer_key: string;
  readonly provider_key: string;
  readonly expiry_height: number;
  readonly fee_sat: string;
  readonly msat_per_second: string;
  readonly creator_share_bps: number;
  readonly creator_script: string;
  readonly provider_script: string;
  readonly change_script: string;
}

export type ChannelState = 'awaiting_funding' | 'unconfirmed' | 'open' | 'closing' | 'closed' | 'lost';

export interface ChannelView {
  readonly channelId: string;
  readonly state: ChannelState;
  readonly terms: TermsJson;
  readonly address: string;
  readonly capacitySat: bigint;
  readonly confirmations: number;
  readonly sequence: number;
  readonly paidSat: bigint;
  readonly closingTxid: string | null;
}

export function readOffer(json: unknown): Offer {
  const offer = asObject(json, 'offer');
  if (offer.protocol !== 1) throw new WireError('this provider speaks another version of the protocol');
  const rails = asObject(offer.rails ?? {}, 'rails');
  const unavailable = asObject(rails.unavailable ?? {}, 'rails.unavailable');
  return {
    contentId: asText(offer.content_id, 'content_id').toLowerCase(),
    provider: asText(offer.provider, 'provider').toLowerCase(),
    live: asBoolean(offer.live, 'live'),
    stored: readStored(offer.stored),
    tickMs: asInteger(offer.tick_ms, 'tick_ms'),
    bitcoin: rails.bitcoin === undefined || rails.bitcoin === null ? null : readRail(rails.bitcoin),
    bitcoinUnavailable: typeof unavailable.bitcoin === 'string' ? unavailable.bitcoin : null,
  };
}

function readRail(json: unknown): BitcoinRail {
  const rail = asObject(json, 'rails.bitcoin');
  return {
    network: readNetwork(rail.network),
    msatPerSecond: asAmount(rail.msat_per_second, 'msat_per_second'),
    creatorShareBps: readShare(rail.creator_share_bps),
    creatorScript: asHex(rail.creator_script, 'creator_script'),
    providerScript: asHex(rail.provider_script, 'provider_script'),
    feeSat: asAmount(rail.fee_sat, 'fee_sat'),
    minCapacitySat: asAmount(rail.min_capacity_sat, 'min_capacity_sat'),
    previewMs: asInteger(rail.preview_ms, 'preview_ms'),
    minConfirmations: asInteger(rail.min_confirmations, 'min_confirmations'),
    expiryHeight: asInteger(rail.expiry_height, 'expiry_height'),
  };
}

export function readChannel(json: unknown): ChannelView {
  const channel = asObject(json, 'channel');
  return {
    channelId: asHex(channel.channel_id, 'channel_id', 32),
    state: readState(channel.state),
    terms: readTerms(channel.terms),
    address: asText(channel.address, 'address'),
    capacitySat: asAmount(channel.capacity_sat, 'capacity_sat'),
    confirmations: asInteger(channel.confirmations, 'confirmations'),
    sequence: asInteger(channel.sequence, 'sequence'),
    paidSat: asAmount(channel.paid_sat, 'paid_sat'),
    closingTxid:
      channel.closing_txid === null || channel.closing_txid === undefined ? null : asHex(channel.closing_txid, 'closing_txid', 32),
  };
}

export function readTerms(json: unknown): TermsJson {
  const terms = asObject(json, 'terms');
  return {
    network: readNetwork(terms.network),
    content_id: asText(terms.content_id, 'content_id').toLowerCase(),
    viewer_key: asHex(terms.viewer_key, 'viewer_key', 33),
    provider_key: asHex(terms.provider_key, 'provider_key', 33),
    expiry_height: asInteger(terms.expiry_height, 'expiry_height'),
    fee_sat: asAmount(terms.fee_sat, 'fee_sat').toString(),
    msat_per_second: asAmount(terms.msat_per_second, 'msat_per_second').toString(),
    creator_share_bps: readShare(terms.creator_share_bps),
    creator_script: asHex(terms.creator_script, 'creator_script'),
    provider_script: asHex(terms.provider_script, 'provider_script'),
    change_script: asHex(terms.change_script, 'change_script'),
  };
}

function readNetwork(value: unknown): BitcoinNetwork {
  if (value === 'bitcoin' || value === 'testnet4' || value === 'signet' || value === 'regtest') return value;
  throw new WireError('network is none that this page knows');
}

function readState(value: unknown): ChannelState {
  switch (value) {
    case 'awaiting_funding':
    case 'unconfirmed':
    case 'open':
    case 'closing':
    case 'closed':
    case 'lost':
      return value;
    default:
      throw new WireError('state is none that this page knows');
  }
}

function readShare(value: unknown): number {
  const share = asInteger(value, 'creator_share_bps');
  if (share > 10_000) throw new WireError('creator_share_bps is above 10000');
  return share;
}
