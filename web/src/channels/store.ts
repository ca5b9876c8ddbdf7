/**
 * The channels of this browser: one entry of localStorage for each, so that a write is durable before the next line runs and two tabs
 * never overwrite each other's channels. An entry holds all that a refund needs.
 */
import { type ChannelState, readTerms, type TermsJson } from '../provider/wire.ts';
import type { SignedPayment } from '../session/messages.ts';
import { asAmount, asHex, asInteger, asList, asObject, asText, WireError } from '../wire.ts';
import type { RefundCost } from './refunding.ts';

export interface FundingOutput {
  readonly txid: string;
  readonly vout: number;
  readonly valueSat: bigint;
}

/** How far the page knows the channel to have gone; the chain has the last word. */
export type Outcome =
  | { readonly kind: 'running' }
  | { readonly kind: 'closed'; readonly txid: string; readonly confirmed: boolean }
  | { readonly kind: 'refunded'; readonly txid: string; readonly confirmed: boolean };

export interface ChannelRecord {
  readonly channelId: string;
  readonly contentId: string;
  readonly title: string;
  readonly providerUrl: string;
  readonly terms: TermsJson;
  readonly address: string;
  /** The viewer's key C, 32 bytes of hex. */
  readonly secretKey: string;
  readonly createdAt: number;
  /** What the viewer chose to put in. */
  readonly amountSat: bigint;
  readonly funding: readonly FundingOutput[];
  /** The highest payment ever signed. */
  readonly signed: SignedPayment | null;
  /** The provider's last word, for display. */
  readonly providerState: ChannelState | null;
  readonly outcome: Outcome;
  readonly left: boolean;
  /** A due refund that waits for lower fees, or for the viewer to agree to this one. */
  readonly dearRefund: RefundCost | null;
  /** The most that the viewer has agreed to pay for a refund that costs more than a tenth of what comes back. */
  readonly agreedFeeSat: bigint | null;
}

const prefix = 'paystream.channel.';
const changed = 'changed';
/** Changes of this tab; those of other tabs come as the browser's `storage` events. */
const changes = new EventTarget();

export function listChannels(): readonly ChannelRecord[] {
  const records: ChannelRecord[] = [];
  for (let index = 0; index < localStorage.length; index += 1) {
    const key = localStorage.key(index);
    if (key === null || !key.startsWith(prefix)) continue;
    try {
      records.push(parseRecord(localStorage.getItem(key) ?? ''));
    } catch (error) {
      console.error(`the entry ${key} cannot be read`, error);
    }
  }
  return records.sort((a, b) => b.createdAt - a.createdAt);
}

export function findChannel(channelId: string): ChannelRecord | null {
  const text = localStorage.getItem(prefix + channelId);
  return text === null ? null : parseRecord(text);
}

/** Durable when it returns. Throws when the browser refuses to store: then no money may go to the channel. */
export function saveChannel(record: ChannelRecord): void {
  const text = writeRecord(record);
  localStorage.setItem(prefix + record.channelId, text);
  if (localStorage.getItem(prefix + record.channelId) !== text) throw new Error('This browser does not keep data for this page.');
  changes.dispatchEvent(new Event(changed));
}

/** Changes one channel from its newest stored state, and returns it; null when it is not there. */
export function updateChannel(channelId: string, change: (record: ChannelRecord) => ChannelRecord): ChannelRecord | null {
  const record = findChannel(channelId);
  if (record === null) return null;
  const next = change(record);
  if (writeRecord(next) !== writeRecord(record)) saveChannel(next);
  return next;
}

export function forgetChannel(channelId: string): void {
  localStorage.removeItem(prefix + channelId);
  changes.dispatchEvent(new Event(changed));
}

export function onChannelsChanged(listener: () => void): () => void {
  changes.addEventListener(changed, listener);
  globalThis.addEventListener('storage', listener);
  return () => {
    changes.removeEventListener(changed, listener);
    globalThis.removeEventListener('storage', listener);
  };
}

/** Also the format of the recovery file. */
export function writeRecord(record: ChannelRecord): string {
  const body = { type: 'paystream/channel', version: 1, ...record };
  return JSON.stringify(body, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value), 2);
}

export function parseRecord(text: string): ChannelRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new WireError('this is not a recovery file: it is not JSON');
  }
  const record = asObject(json, 'recovery file');
  if (record.type !== 'paystream/channel' || record.version !== 1)
    throw new WireError('this is not a recovery file of this version of Paystream');
  return {
    channelId: asHex(record.channelId, 'channelId', 32),
    contentId: asText(record.contentId, 'contentId'),
    title: asText(record.title, 'title'),
    providerUrl: asText(record.providerUrl, 'providerUrl'),
    terms: readTerms(record.terms),
    address: asText(record.address, 'address'),
    secretKey: asHex(record.secretKey, 'secretKey', 32),
    createdAt: asInteger(record.createdAt, 'createdAt'),
    amountSat: asAmount(record.amountSat, 'amountSat'),
    funding: asList(record.funding, 'funding').map((entry) => {
      const output = asObject(entry, 'funding');
      return {
        txid: asHex(output.txid, 'txid', 32),
        vout: asInteger(output.vout, 'vout'),
        valueSat: asAmount(output.valueSat, 'valueSat'),
      };
    }),
    signed: record.signed === null ? null : readSigned(record.signed),
    providerState: record.providerState as ChannelState | null,
    outcome: readOutcome(record.outcome),
    left: record.left === true,
    // Files of earlier pages do not have these.
    dearRefund: record.dearRefund == null ? null : readCost(record.dearRefund),
    agreedFeeSat: record.agreedFeeSat == null ? null : asAmount(record.agreedFeeSat, 'agreedFeeSat'),
  };
}

function readCost(json: unknown): RefundCost {
  const cost = asObject(json, 'dearRefund');
  return { amountSat: asAmount(cost.amountSat, 'amountSat'), feeSat: asAmount(cost.feeSat, 'feeSat') };
}

function readSigned(json: unknown): SignedPayment {
  const signed = asObject(json, 'signed');
  return {
    sequence: asInteger(signed.sequence, 'sequence'),
    paidSat: asAmount(signed.paidSat, 'paidSat'),
    signatures: asList(signed.signatures, 'signatures').map((signature) => asHex(signature, 'signature', 64)),
  };
}

function readOutcome(json: unknown): Outcome {
  const outcome = asObject(json, 'outcome');
  switch (outcome.kind) {
    case 'running':
      return { kind: 'running' };
    case 'closed':
    case 'refunded':
      return { kind: outcome.kind, txid: asHex(outcome.txid, 'txid', 32), confirmed: outcome.confirmed === true };
    default:
      throw new WireError('outcome is none that this page knows');
  }
}
