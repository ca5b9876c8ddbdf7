/** The funding output (section 3.2): P2WSH of `and_v(v:pk(C),or_d(pk(S),after(H)))`. */
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { Script } from '@scure/btc-signer';
import { compareBytes, fromHex, MAX_MONEY_SAT, toHex } from './bytes.ts';
import { withChecksum } from './descriptor.ts';
import { ChannelError } from './error.ts';
import { addressOfScript } from './script.ts';
import type { ChannelTerms } from './terms.ts';

export interface FundingOutput {
  /** In display order. */
  readonly txid: string;
  readonly vout: number;
  readonly valueSat: bigint;
}

/** Outputs in canonical order, each once, and what they add up to. Made by `funding`. */
export interface Funding {
  readonly outputs: readonly FundingOutput[];
  readonly capacitySat: bigint;
}

/** Puts outputs into canonical order: txid byte by byte as serialised, then index. */
export function funding(outputs: readonly FundingOutput[]): Funding {
  if (outputs.length === 0) throw new ChannelError('malformed', 'the funding has no output');
  const keyed = outputs.map((output) => ({ output, txid: fromHex('txid', output.txid, 32).reverse() }));
  keyed.sort((left, right) => compareBytes(left.txid, right.txid) || left.output.vout - right.output.vout);
  const sorted = keyed.map(({ output }) => output);
  if (sorted.some((output, index) => output.txid === sorted[index - 1]?.txid && output.vout === sorted[index - 1]?.vout)) {
    throw new ChannelError('malformed', 'an output stands twice in the funding');
  }
  if (sorted.some(({ vout, valueSat }) => !Number.isInteger(vout) || vout < 0 || vout > 0xffff_ffff || valueSat < 0n)) {
    throw new ChannelError('malformed', 'an output of the funding is out of range');
  }
  const capacitySat = sorted.reduce((sum, output) => sum + output.valueSat, 0n);
  if (capacitySat > MAX_MONEY_SAT) throw new ChannelError('malformed', 'the funding is more money than there is');
  return { outputs: sorted, capacitySat };
}

export function witnessScript(terms: ChannelTerms): Uint8Array {
  return Script.encode([
    terms.viewerKey,
    'CHECKSIGVERIFY',
    terms.providerKey,
    'CHECKSIG',
    'IFDUP',
    'NOTIF',
    scriptNumber(terms.expiryHeight),
    'CHECKLOCKTIMEVERIFY',
    'ENDIF',
  ]);
}

/** The scriptPubKey to fund. */
export function fundingScript(terms: ChannelTerms): Uint8Array {
  return concatBytes(Uint8Array.of(0x00, 0x20), sha256(witnessScript(terms)));
}

/** The address to fund. */
export function fundingAddress(terms: ChannelTerms): string {
  return addressOfScript(fundingScript(terms), terms.network);
}

/** The descriptor that an ordinary wallet imports, with its checksum. */
export function descriptor(terms: ChannelTerms): string {
  return withChecksum(`wsh(and_v(v:pk(${toHex(terms.viewerKey)}),or_d(pk(${toHex(terms.providerKey)}),after(${terms.expiryHeight}))))`);
}

/** A BIP 21 link that pays the amount to the channel. */
export function paymentLink(terms: ChannelTerms, amountSat: bigint, label: string): string {
  const digits = amountSat.toString().padStart(9, '0');
  const fraction = digits.slice(-8).replace(/0+$/, '');
  const amount = fraction === '' ? digits.slice(0, -8) : `${digits.slice(0, -8)}.${fraction}`;
  const encoded = encodeURIComponent(label).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `bitcoin:${fundingAddress(terms)}?amount=${amount}&label=${encoded}`;
}

/** A number as Bitcoin's scripts push it: an opcode up to 16, else minimal little-endian bytes. */
function scriptNumber(value: number): number | Uint8Array {
  if (value <= 16) return value;
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
  if ((bytes.at(-1) ?? 0) >= 0x80) bytes.push(0);
  return Uint8Array.from(bytes);
}
