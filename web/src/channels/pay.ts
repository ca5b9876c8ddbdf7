/** What a record lets the viewer do: bound, sign, split. */
import { fromHex } from '../bitcoin/bytes.ts';
import { funding } from '../bitcoin/funding.ts';
import { signPayment } from '../bitcoin/payment.ts';
import { signSessionStart } from '../bitcoin/session.ts';
import { maxPaid, type Payouts, split } from '../bitcoin/split.ts';
import { parseTerms } from '../bitcoin/terms.ts';
import type { SignedPayment } from '../session/messages.ts';
import type { ChannelRecord } from './store.ts';

const secretOf = (record: ChannelRecord): Uint8Array => fromHex('secretKey', record.secretKey, 32);

export function capacityOf(record: ChannelRecord): bigint {
  return record.funding.reduce((sum, output) => sum + output.valueSat, 0n);
}

/** The most that the channel can pay; 0 while it is not funded. */
export function maxPaidOf(record: ChannelRecord): bigint {
  return record.funding.length === 0 ? 0n : maxPaid(parseTerms(record.terms), capacityOf(record));
}

export function payoutsOf(record: ChannelRecord, paidSat: bigint): Payouts | null {
  const max = maxPaidOf(record);
  return paidSat <= 0n || paidSat > max ? null : split(parseTerms(record.terms), capacityOf(record), paidSat);
}

/** Signer for one channel: the terms are parsed once, since a payment is made every second. */
export function signerOf(record: ChannelRecord) {
  const terms = parseTerms(record.terms);
  const secret = secretOf(record);
  return {
    start: (nonce: string): string => signSessionStart({ nonce, channelId: record.channelId, contentId: record.contentId }, secret),
    payment: (outputs: ChannelRecord['funding'], sequence: number, paidSat: bigint): SignedPayment => {
      const { signatures } = signPayment(terms, funding(outputs), { sequence, paidSat }, secret);
      return { sequence, paidSat, signatures };
    },
  };
}
