/** What a player does about an error. It keeps count of the failures in a row; what it says is for the player to do. */
import { CutOffError } from '../ipfs/error.ts';
import { ProviderError } from '../provider/client.ts';
import { CostlyError } from './cost-limit.ts';
import { mayPass, type PlayerProblem, unreachable } from './problem.ts';

export type Reaction =
  /** The viewer went elsewhere. */
  | { readonly kind: 'none' }
  /** The viewer decides whether a block is worth what it costs. */
  | { readonly kind: 'ask'; readonly error: CostlyError }
  /** The session's token has ended; the next session brings another. */
  | { readonly kind: 'token_ended' }
  | { readonly kind: 'again'; readonly afterMs: number }
  /** It may still pass, but not by itself. */
  | { readonly kind: 'give_up'; readonly problem: PlayerProblem }
  /** No repetition helps. */
  | { readonly kind: 'stop' };

const mostFailures = 6;

export class Faults {
  readonly #metered: boolean;
  #inARow = 0;

  constructor(metered: boolean) {
    this.#metered = metered;
  }

  /** Something arrived, or a new attempt is worth it. */
  forget(): void {
    this.#inARow = 0;
  }

  reactionTo(error: unknown): Reaction {
    if (error instanceof DOMException && error.name === 'AbortError') return { kind: 'none' };
    if (error instanceof CostlyError) return { kind: 'ask', error };
    const refused = error instanceof ProviderError && (error.code === 'payment_required' || error.code === 'unauthorized');
    if (refused && this.#metered) return { kind: 'token_ended' };
    if (!mayPass(error)) return { kind: 'stop' };
    // A response may wait long for a payment or a confirmation.
    if (!(this.#metered && error instanceof CutOffError && error.silent)) this.#inARow += 1;
    if (this.#inARow >= mostFailures) return { kind: 'give_up', problem: unreachable(error) };
    return { kind: 'again', afterMs: Math.min(8_000, 250 * 2 ** this.#inARow) };
  }
}
