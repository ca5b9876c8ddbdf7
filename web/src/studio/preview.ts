/** Who earns what by given terms. The rounding is that of docs/protocol.md 4.2 and of the splitter contract: up, for the creator. */
import type { Terms } from '../api/model.ts';
import { costOf } from '../money.ts';

export interface Division {
  readonly paid: bigint;
  readonly creator: bigint;
  readonly provider: bigint;
}

export interface Preview {
  /** Satoshi, for an hour watched in one channel; null when there is no Bitcoin price. */
  readonly hour: Division | null;
  /** The smallest units of the terms' currency, for one view; null when a view has no price. */
  readonly view: Division | null;
}

const hourMs = 3_600_000n;

export function previewOf(terms: Pick<Terms, 'msatPerSecond' | 'pricePerView' | 'creatorShareBps'>): Preview {
  const hour = costOf(terms.msatPerSecond, hourMs);
  return {
    hour: hour === 0n ? null : divide(hour, terms.creatorShareBps),
    view: terms.pricePerView === 0n ? null : divide(terms.pricePerView, terms.creatorShareBps),
  };
}

export function divide(paid: bigint, creatorShareBps: number): Division {
  const creator = (paid * BigInt(creatorShareBps) + 9_999n) / 10_000n;
  return { paid, creator, provider: paid - creator };
}
