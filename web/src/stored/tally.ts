/** What has come with the present media token, for the session to pay: milliseconds of checked leaves, and all bytes. */
import type { Leaf } from '../ipfs/dag.ts';
import { askAboveMs, CostLimit } from './cost-limit.ts';
import type { Timeline } from './timeline.ts';

/** So often is told of bytes that are no leaf yet. */
const tellEveryMs = 500;

export class Tally {
  readonly #tell: (token: string, ms: number, bytes: number) => void;
  readonly #limit: CostLimit;
  #token: string | null = null;
  #ms = 0;
  #bytes = 0;
  #toldAt = 0;

  constructor(metered: boolean, tell: (token: string, ms: number, bytes: number) => void) {
    this.#limit = new CostLimit(metered ? askAboveMs : Number.POSITIVE_INFINITY);
    this.#tell = tell;
  }

  /** Begins anew: what came with another token is another session's affair. */
  begin(token: string | null): void {
    this.#token = token;
    this.#ms = 0;
    this.#bytes = 0;
  }

  addBytes(count: number): void {
    this.#bytes += count;
    const now = performance.now();
    if (now - this.#toldAt < tellEveryMs) return;
    this.#toldAt = now;
    this.#report();
  }

  /** What the leaves cost. Throws a `CostlyError` for one that the viewer has to be asked about: none of them counts then. */
  addLeaves(timeline: Timeline, leaves: readonly Leaf[]): number {
    const ms = this.#limit.costOf(timeline, leaves);
    this.#ms += ms;
    this.#report();
    return ms;
  }

  /** The viewer agrees to what was asked about. */
  allow(): void {
    this.#limit.allow();
  }

  #report(): void {
    if (this.#token !== null) this.#tell(this.#token, this.#ms, this.#bytes);
  }
}
