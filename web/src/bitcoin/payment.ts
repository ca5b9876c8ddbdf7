/** A payment (section 4): of the channel's capacity, so much in all is the provider's and the creator's. */
import { fromHex, toHex } from './bytes.ts';
import { closingTransaction, viewerDigests } from './closing.ts';
import { ChannelError } from './error.ts';
import type { Funding } from './funding.ts';
import { requireSecretOf, sign, verifies } from './signature.ts';
import { type ChannelTerms, channelId } from './terms.ts';

/** A payment as it travels. */
export interface PaymentJson {
  readonly channel_id: string;
  readonly sequence: number;
  readonly paid_sat: string;
  readonly signatures: readonly string[];
}

/** Signs the payment of a cumulative amount; throws `amount_not_rising`, `amount_exceeds_capacity` or `bad_signature` for a foreign secret. */
export function signPayment(
  terms: ChannelTerms,
  funding: Funding,
  payment: { readonly sequence: number; readonly paidSat: bigint },
  viewerSecret: Uint8Array,
): PaymentJson {
  requireSecretOf(terms.viewerKey, viewerSecret);
  const { transaction } = closingTransaction(terms, funding, payment.paidSat);
  return {
    channel_id: channelId(terms),
    sequence: payment.sequence,
    paid_sat: payment.paidSat.toString(),
    signatures: viewerDigests(terms, funding, transaction).map((digest) => toHex(sign(digest, viewerSecret))),
  };
}

/** Checks a payment by itself, as the provider does: for a page that reads back what it has stored. */
export function verifyPayment(terms: ChannelTerms, funding: Funding, payment: PaymentJson): void {
  if (payment.channel_id !== channelId(terms)) throw new ChannelError('wrong_channel', 'the payment is for another channel');
  const { transaction } = closingTransaction(terms, funding, BigInt(payment.paid_sat));
  if (payment.signatures.length !== funding.outputs.length)
    throw new ChannelError('malformed', 'expected one signature for each funding output');
  viewerDigests(terms, funding, transaction).forEach((digest, index) => {
    const signature = fromHex('signature', payment.signatures[index] ?? '', 64);
    if (!verifies(signature, digest, terms.viewerKey)) throw new ChannelError('bad_signature', `signature ${index} does not verify`);
  });
}
