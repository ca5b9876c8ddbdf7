/** When a refund is due, for a person: a height is what counts, and ten minutes a block are what it comes to. */
import { formatInteger } from '../money.ts';

const minutesPerBlock = 10;

/** "at block 388, in about 24 hours"; the height alone while the chain's tip is not known. */
export function refundTime(expiryHeight: number, tip: number | null): string {
  const at = `at block ${formatInteger(BigInt(expiryHeight))}`;
  if (tip === null) return at;
  const blocks = expiryHeight - tip;
  return blocks <= 0 ? 'now' : `${at}, in about ${duration(blocks * minutesPerBlock)}`;
}

function duration(minutes: number): string {
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 72 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
