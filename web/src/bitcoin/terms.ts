/** The terms of a channel (section 3.1): what both sides agree on, and from which each builds everything else. */
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { compareBytes, fromDecimal, fromHex, littleEndian, MAX_MONEY_SAT, toHex } from './bytes.ts';
import { ChannelError } from './error.ts';
import { isWitnessScript, type Network, scriptKind } from './script.ts';

/** An expiry height is this many blocks beyond the tip when a channel is opened. */
const EXPIRY_MIN_AHEAD = 144;
const EXPIRY_MAX_AHEAD = 2016;
/** The capacity is at least this many closing fees. */
const MIN_CAPACITY_FEES = 10n;

/** The first nLockTime that Bitcoin reads as a time. */
const LOCK_TIME_THRESHOLD = 500_000_000;

const NETWORK_BYTE: Readonly<Record<Network, number>> = { bitcoin: 0, testnet4: 1, signet: 2, regtest: 3 };

/** `terms` as it travels. */
export interface TermsJson {
  readonly network: Network;
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

/** Terms that were checked by `parseTerms`. */
export interface ChannelTerms {
  readonly network: Network;
  /** 32 bytes. */
  readonly contentId: Uint8Array;
  /** `C`, compressed. */
  readonly viewerKey: Uint8Array;
  /** `S`, compressed. */
  readonly providerKey: Uint8Array;
  /** `H`: from this height on the viewer refunds alone. */
  readonly expiryHeight: number;
  /** `F`: the fee of the closing transaction. */
  readonly feeSat: bigint;
  readonly msatPerSecond: bigint;
  /** In 1/10000; 0 when there is one payee. */
  readonly creatorShareBps: number;
  /** Empty exactly when the share is 0. */
  readonly creatorScript: Uint8Array;
  readonly providerScript: Uint8Array;
  readonly changeScript: Uint8Array;
}

/** Reads and checks terms; throws a `ChannelError` that names the field. */
export function parseTerms(json: TermsJson): ChannelTerms {
  const terms: ChannelTerms = {
    network: json.network,
    contentId: fromHex('content_id', json.content_id.startsWith('0x') ? json.content_id.slice(2) : 'x', 32),
    viewerKey: publicKey('viewer_key', json.viewer_key),
    providerKey: publicKey('provider_key', json.provider_key),
    expiryHeight: json.expiry_height,
    feeSat: fromDecimal('fee_sat', json.fee_sat),
    msatPerSecond: fromDecimal('msat_per_second', json.msat_per_second),
    creatorShareBps: json.creator_share_bps,
    creatorScript: fromHex('creator_script', json.creator_script),
    providerScript: fromHex('provider_script', json.provider_script),
    changeScript: fromHex('change_script', json.change_script),
  };
  const malformed = (reason: string) => new ChannelError('malformed', reason);
  const unsupported = (field: string) => new ChannelError('unsupported_script', `${field} is not a standard script that is allowed there`);
  if (!Object.hasOwn(NETWORK_BYTE, terms.network)) throw malformed('network is unknown');
  if (json.viewer_key === json.provider_key) throw malformed('viewer_key is the same as provider_key');
  if (!Number.isInteger(terms.expiryHeight) || terms.expiryHeight < 1 || terms.expiryHeight >= LOCK_TIME_THRESHOLD) {
    throw malformed('expiry_height is not a block height');
  }
  if (terms.feeSat === 0n || terms.feeSat > MAX_MONEY_SAT / MIN_CAPACITY_FEES) throw malformed('fee_sat is out of range');
  if (terms.msatPerSecond === 0n) throw new ChannelError('rail_unavailable', 'the content has no Bitcoin price');
  if (!Number.isInteger(terms.creatorShareBps) || terms.creatorShareBps < 0 || terms.creatorShareBps > 10_000)
    throw malformed('creator_share_bps is out of range');
  if ((terms.creatorShareBps === 0) !== (terms.creatorScript.length === 0))
    throw malformed('creator_script is empty exactly when creator_share_bps is 0');
  if (terms.creatorScript.length > 0 && scriptKind(terms.creatorScript) === null) throw unsupported('creator_script');
  if (scriptKind(terms.providerScript) === null) throw unsupported('provider_script');
  if (!isWitnessScript(terms.changeScript)) throw unsupported('change_script');
  if (json.creator_script === json.provider_script) throw malformed('creator_script is the same as provider_script');
  return terms;
}

/** The channel's id in hex: `tagged("paystream/channel/v1", canonicalBytes)`. */
export function channelId(terms: ChannelTerms): string {
  return toHex(taggedHash('paystream/channel/v1', canonicalBytes(terms)));
}

/** The bytes that the id is a hash of, integers little-endian. */
export function canonicalBytes(terms: ChannelTerms): Uint8Array {
  return concatBytes(
    Uint8Array.of(NETWORK_BYTE[terms.network]),
    terms.contentId,
    terms.viewerKey,
    terms.providerKey,
    littleEndian(BigInt(terms.expiryHeight), 4),
    littleEndian(terms.feeSat, 8),
    littleEndian(terms.msatPerSecond, 8),
    littleEndian(BigInt(terms.creatorShareBps), 2),
    ...[terms.creatorScript, terms.providerScript, terms.changeScript].flatMap((script) => [Uint8Array.of(script.length), script]),
  );
}

/** What the viewer agreed to before it asked for a channel. */
export interface Agreement {
  readonly contentId: string;
  readonly viewerKey: Uint8Array;
  readonly changeScript: Uint8Array;
  /** The offer that was accepted, compared with the registry before. */
  readonly offer: {
    readonly network: Network;
    readonly msatPerSecond: bigint;
    readonly creatorShareBps: number;
    readonly creatorScript: string;
    readonly providerScript: string;
    readonly feeSat: bigint;
  };
  /** The viewer's own view of the chain. */
  readonly tip: number;
}

/** What the viewer MUST check before it funds a channel (section 3.1); throws `terms_differ` with the field's name. */
export function checkTerms(terms: ChannelTerms, agreement: Agreement): void {
  const { offer } = agreement;
  const differs = (field: string) => new ChannelError('terms_differ', `the provider's channel differs from what was agreed: ${field}`);
  if (toHex(terms.contentId) !== agreement.contentId.replace(/^0x/, '').toLowerCase()) throw differs('content_id');
  if (compareBytes(terms.viewerKey, agreement.viewerKey) !== 0) throw differs('viewer_key');
  if (compareBytes(terms.changeScript, agreement.changeScript) !== 0) throw differs('change_script');
  if (terms.network !== offer.network) throw differs('network');
  if (terms.msatPerSecond !== offer.msatPerSecond) throw differs('msat_per_second');
  if (terms.creatorShareBps !== offer.creatorShareBps) throw differs('creator_share_bps');
  if (toHex(terms.creatorScript) !== offer.creatorScript) throw differs('creator_script');
  if (toHex(terms.providerScript) !== offer.providerScript) throw differs('provider_script');
  if (terms.feeSat !== offer.feeSat) throw differs('fee_sat');
  const ahead = terms.expiryHeight - agreement.tip;
  if (ahead < EXPIRY_MIN_AHEAD || ahead > EXPIRY_MAX_AHEAD) throw differs('expiry_height');
}

/** `SHA256(SHA256(tag) || SHA256(tag) || parts)` (BIP 340). */
export function taggedHash(tag: string, ...parts: readonly Uint8Array[]): Uint8Array {
  const tagHash = sha256(utf8ToBytes(tag));
  return sha256(concatBytes(tagHash, tagHash, ...parts));
}

function publicKey(field: string, text: string): Uint8Array {
  const key = fromHex(field, text, 33);
  if (!secp256k1.utils.isValidPublicKey(key, true)) throw new ChannelError('malformed', `${field} is not a compressed public key`);
  return key;
}
