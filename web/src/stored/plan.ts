/** What to read next: pure, from what is buffered, where the viewer is, and what the run under way has brought. */
import type { LeafMap } from '../ipfs/dag.ts';
import { spanOf, subsegmentAt, type Timeline } from './timeline.ts';

/** One stretch of the file that is appended byte after byte; a seek begins another. */
export interface Run {
  /** The first byte that was appended and is still there. */
  readonly from: number;
  /** The next byte to read. */
  readonly next: number;
}

export interface Situation {
  readonly timeline: Timeline;
  readonly leaves: LeafMap;
  /** In milliseconds of the player's time. */
  readonly buffered: readonly { readonly startMs: number; readonly endMs: number }[];
  readonly atMs: number;
  readonly aheadMs: number;
  readonly run: Run | null;
  /** The player's time at the first subsegment's begin. */
  readonly originMs: number;
}

export type Plan =
  | { readonly kind: 'read'; readonly newRun: boolean; readonly subsegment: number; readonly from: number; readonly to: number }
  | { readonly kind: 'enough' }
  | { readonly kind: 'complete' };

/** At most so much media in one request: what a seek leaves behind of it is read to its end, and paid for. */
const windowMs = 4_000;
/** Frames of one track may reach over the edge of a subsegment. */
const toleranceMs = 150;

export function plan(situation: Situation): Plan {
  const { timeline, leaves, atMs, aheadMs, run, originMs } = situation;
  const count = timeline.subsegments.length;
  let needed = subsegmentAt(timeline, atMs - originMs);
  // Within the tolerance of its end there is nothing left of it to see.
  if (needed + 1 < count && spanOf(timeline, needed).endMs + originMs - atMs < 1) needed += 1;
  while (needed < count && isCovered(situation, needed)) needed += 1;
  const first = timeline.subsegments[needed];
  if (first === undefined) return { kind: 'complete' };
  const startMs = spanOf(timeline, needed).startMs + originMs;
  if (startMs >= atMs + aheadMs) return { kind: 'enough' };

  const goesOn = run !== null && run.next >= first.byte && run.next < first.byte + first.bytes && run.from <= first.byte;
  const untilMs = Math.min(atMs + aheadMs, startMs + windowMs);
  let last = needed;
  while (last + 1 < count && spanOf(timeline, last + 1).startMs + originMs < untilMs && !isCovered(situation, last + 1)) last += 1;
  const end = timeline.subsegments[last] ?? first;
  const from = goesOn ? run.next : leaves.startOf(first.byte);
  return { kind: 'read', newRun: !goesOn, subsegment: needed, from, to: leaves.endOf(end.byte + end.bytes) };
}

function isCovered({ timeline, buffered, run, originMs }: Situation, index: number): boolean {
  const subsegment = timeline.subsegments[index];
  if (subsegment === undefined) return false;
  const endByte = subsegment.byte + subsegment.bytes;
  if (run !== null && run.from <= subsegment.byte && endByte <= run.next) return true;
  // Begun and not finished, however little of it is missing.
  if (run !== null && run.next > subsegment.byte && run.next < endByte) return false;
  const { startMs, endMs } = spanOf(timeline, index);
  return buffered.some((range) => range.startMs <= startMs + originMs + toleranceMs && range.endMs >= endMs + originMs - toleranceMs);
}

/** Up to where bytes from `from` on are appended: a subsegment that is in the player already is not appended again. */
export function lastByteToAppend(situation: Situation, from: number, to: number): number {
  for (let index = 0; index < situation.timeline.subsegments.length; index += 1) {
    const subsegment = situation.timeline.subsegments[index];
    if (subsegment === undefined || subsegment.byte < from) continue;
    if (subsegment.byte >= to) break;
    if (isCovered(situation, index)) return subsegment.byte;
  }
  return to;
}
