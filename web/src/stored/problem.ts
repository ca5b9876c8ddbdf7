/** Why a stored video does not go on, and what a person can do about it. */
import { CutOffError, DamagedError } from '../ipfs/error.ts';
import { formatDuration } from '../money.ts';
import { ProviderError } from '../provider/client.ts';
import type { CostlyError } from './cost-limit.ts';

export type ProblemKind = 'damaged' | 'unplayable' | 'unreachable' | 'refused' | 'pass_ended' | 'costly';

export interface PlayerProblem {
  readonly kind: ProblemKind;
  readonly text: string;
  readonly cid: string | null;
  /** Of a block that the viewer is asked about: what it counts as. */
  readonly costMs?: number;
}

/** Whether the same request may succeed later. */
export function mayPass(error: unknown): boolean {
  if (error instanceof CutOffError) return true;
  return (
    error instanceof ProviderError && (error.code === 'unreachable' || error.status === 429 || error.status === 503 || error.status === 504)
  );
}

/** Of what may pass and did not, several times in a row. */
export function unreachable(error: unknown): PlayerProblem {
  const text =
    error instanceof CutOffError
      ? `${error.message} It did so several times in a row. Try again, or choose another provider.`
      : 'The provider of this video does not answer. Check your connection and try again, or choose another provider.';
  return { kind: 'unreachable', text, cid: null };
}

/** The viewer decides: nothing is wrong with such a block but its price. */
export function costly({ cid, ms }: CostlyError): PlayerProblem {
  return {
    kind: 'costly',
    text: `By the video’s own index, one block of it (${cid}) counts as ${formatDuration(ms)} of watching, where blocks usually hold some seconds. Nothing has been paid for it, and nothing more is read until you decide.`,
    cid,
    costMs: ms,
  };
}

/** Of what no repetition helps against. */
export function problemOf(error: unknown): PlayerProblem {
  if (error instanceof DamagedError) {
    const which = error.cid === null ? 'What the provider sent failed its check' : `The block ${error.cid} failed its check`;
    return {
      kind: 'damaged',
      text: `${which}: ${error.message}. The video has stopped and nothing is paid for that block. Leave, and choose another provider.`,
      cid: error.cid,
    };
  }
  if (error instanceof ProviderError && error.code === 'content_damaged') {
    // The provider found it before it sent it.
    const cid = /\b(?:b[a-z2-7]{58,}|Qm[1-9A-HJ-NP-Za-km-z]{44})\b/.exec(error.detail)?.[0] ?? null;
    const where = cid === null ? 'A block' : `The block ${cid}`;
    return {
      kind: 'damaged',
      text: `${where} is damaged in the provider’s store, and it was not sent. The video has stopped and nothing is paid for that block. Leave, and choose another provider.`,
      cid,
    };
  }
  if (error instanceof ProviderError) {
    return error.code === 'payment_required' || error.code === 'unauthorized'
      ? { kind: 'pass_ended', text: 'Your view of this video has ended, or this provider does not know it.', cid: null }
      : { kind: 'refused', text: error.message, cid: null };
  }
  return { kind: 'unplayable', text: error instanceof Error ? error.message : String(error), cid: null };
}
