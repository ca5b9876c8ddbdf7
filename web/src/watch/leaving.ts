/** What leaving means for the viewer's money, said before it is done. */
import { capacityOf, maxPaidOf } from '../channels/pay.ts';
import { refundTime } from '../channels/refund-time.ts';
import type { ChannelRecord } from '../channels/store.ts';
import { formatSat } from '../money.ts';
import type { Phase } from '../session/core.ts';

export interface LeavingWords {
  readonly title: string;
  readonly text: string;
  readonly action: string;
}

/** `paidSat` is the most that the provider may hold: the highest payment ever signed. */
export function leavingInWords(record: ChannelRecord, phase: Phase, paidSat: bigint, tip: number | null): LeavingWords {
  const when = refundTime(record.terms.expiry_height, tip);
  if (phase !== 'active') {
    const settles = paidSat > 0n ? 'When it comes back it settles your last payment. If it does not, this' : 'This';
    return {
      title: 'Leave without the provider?',
      text: `The provider does not answer, so it cannot close the channel now. ${settles} page refunds you by itself ${when}. Your money is safe until then.`,
      action: 'Leave and wait',
    };
  }
  if (paidSat > 0n) {
    return {
      title: 'Leave and settle the channel?',
      text: 'The provider broadcasts your last payment. What you have not used comes back to your address in the same transaction.',
      action: 'Leave and settle',
    };
  }
  if (maxPaidOf(record) === 0n) {
    return {
      title: 'Leave and wait for the refund?',
      text: `You have paid nothing, and the channel is too small to be closed early. This page refunds you by itself ${when}.`,
      action: 'Leave and wait',
    };
  }
  const fee = BigInt(record.terms.fee_sat);
  return {
    title: 'Leave and take your money back?',
    text: `You have paid nothing. The provider closes the channel now, and ${formatSat(capacityOf(record) - fee)} come back to your address; ${formatSat(fee)} pay the Bitcoin network. Should the provider fail to, this page refunds you by itself ${when}.`,
    action: 'Leave and take it back',
  };
}
