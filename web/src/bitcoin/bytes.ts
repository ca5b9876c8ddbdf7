/** Bytes and integers as the protocol writes them. */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { ChannelError } from './error.ts';

/** All the money there will ever be, in satoshis. */
export const MAX_MONEY_SAT = 2_100_000_000_000_000n;

export const toHex = bytesToHex;

/** Lower-case hex, of an exact length when one is given. */
export function fromHex(field: string, text: string, length?: number): Uint8Array {
  if (!/^([0-9a-f]{2})*$/.test(text) || (length !== undefined && text.length !== length * 2)) {
    throw new ChannelError(
      'malformed',
      `${field} is malformed: expected lower-case hex${length === undefined ? '' : ` of ${length} bytes`}`,
    );
  }
  return hexToBytes(text);
}

/** A decimal integer below 2^64, without sign or leading zeros. */
export function fromDecimal(field: string, text: string): bigint {
  if (!/^(0|[1-9]\d{0,19})$/.test(text) || BigInt(text) >= 1n << 64n)
    throw new ChannelError('malformed', `${field} is malformed: expected a decimal integer`);
  return BigInt(text);
}

export function littleEndian(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

export function divideRoundedUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
