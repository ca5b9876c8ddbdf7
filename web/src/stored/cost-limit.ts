/**
 * The index (`sidx`) is the creator's, and says what a leaf costs; nothing in the file keeps it from calling one leaf ten hours. So the
 * viewer is asked before a leaf is counted that costs far more than leaves of videos do (seconds), and until then it is not paid for.
 */
import type { Leaf } from '../ipfs/dag.ts';
import { costOfLeaf, type Timeline } from './timeline.ts';

export const askAboveMs = 60_000;

export class CostlyError extends Error {
  override readonly name = 'CostlyError';
  readonly cid: string;
  readonly ms: number;

  constructor(cid: string, ms: number) {
    super(`the block ${cid} counts as ${ms} ms of the video`);
    this.cid = cid;
    this.ms = ms;
  }
}

export class CostLimit {
  #mostMs: number;
  #askedMs = 0;

  constructor(mostMs: number = askAboveMs) {
    this.#mostMs = mostMs;
  }

  /** What the leaves cost together. Throws a `CostlyError` when one of them costs more than the viewer has agreed to. */
  costOf(timeline: Timeline, leaves: readonly Leaf[]): number {
    let sum = 0;
    for (const { cid, start, end } of leaves) {
      const ms = costOfLeaf(timeline, start, end);
      if (ms > this.#mostMs) {
        this.#askedMs = Math.max(this.#askedMs, ms);
        throw new CostlyError(cid.toString(), ms);
      }
      sum += ms;
    }
    return sum;
  }

  /** The viewer pays for leaves that cost as much as the one that was asked about. */
  allow(): void {
    this.#mostMs = Math.max(this.#mostMs, this.#askedMs);
  }
}
