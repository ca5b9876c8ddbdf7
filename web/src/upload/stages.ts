/**
 * One video on its way into a provider's library, as the page knows it. Pure: events in, the next stage out.
 *
 *     idle -> starting -> uploading -> processing -> ready | failed
 *                |         |     ^
 *                |         v     |
 *                |       interrupted      (the connection, or the sign-in; the file is still chosen)
 *                +--> failed
 *     every stage before ready -> cancelled;  every stage -> idle by reset
 *
 * What comes too late for a stage (progress after a cancel) changes nothing.
 */
import { formatDuration, formatUnits } from '../money.ts';
import type { Item } from '../provider/items.ts';

export type Stage =
  | { readonly kind: 'idle' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'uploading'; readonly sent: number; readonly total: number; readonly samples: readonly Sample[] }
  | { readonly kind: 'interrupted'; readonly sent: number; readonly total: number; readonly why: string }
  | {
      readonly kind: 'processing';
      readonly state: 'queued' | 'preparing' | 'adding';
      readonly permille: number;
      /** The provider does not answer now; the page asks again by itself. */
      readonly unreachable: boolean;
    }
  | { readonly kind: 'ready'; readonly item: Item }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'cancelled' };

/** So many bytes had been sent at that time. */
export interface Sample {
  readonly sent: number;
  readonly at: number;
}

export type UploadEvent =
  | { readonly kind: 'started' }
  | { readonly kind: 'progress'; readonly sent: number; readonly total: number; readonly at: number }
  | { readonly kind: 'interrupted'; readonly why: string }
  /** The last byte has arrived. */
  | { readonly kind: 'received' }
  | { readonly kind: 'item'; readonly item: Item }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'reset' };

export const idle: Stage = { kind: 'idle' };

export function next(stage: Stage, event: UploadEvent): Stage {
  switch (event.kind) {
    case 'reset':
      return idle;
    case 'started':
      return stage.kind === 'processing' || stage.kind === 'ready' ? stage : { kind: 'starting' };
    case 'progress':
      if (stage.kind !== 'starting' && stage.kind !== 'uploading') return stage;
      return {
        kind: 'uploading',
        sent: event.sent,
        total: event.total,
        samples: sampled(stage.kind === 'uploading' ? stage.samples : [], event),
      };
    case 'interrupted':
      switch (stage.kind) {
        case 'starting':
          return { kind: 'interrupted', sent: 0, total: 0, why: event.why };
        case 'uploading':
          return { kind: 'interrupted', sent: stage.sent, total: stage.total, why: event.why };
        default:
          return stage;
      }
    case 'received':
      return stage.kind === 'starting' || stage.kind === 'uploading'
        ? { kind: 'processing', state: 'queued', permille: 0, unreachable: false }
        : stage;
    case 'unreachable':
      return stage.kind === 'processing' ? { ...stage, unreachable: true } : stage;
    case 'item':
      return stage.kind === 'processing' ? ofItem(stage, event.item) : stage;
    case 'failed':
      return stage.kind === 'ready' || stage.kind === 'cancelled' ? stage : { kind: 'failed', why: event.why };
    case 'cancelled':
      return stage.kind === 'ready' ? stage : { kind: 'cancelled' };
  }
}

function ofItem(stage: Extract<Stage, { kind: 'processing' }>, item: Item): Stage {
  switch (item.state) {
    case 'uploading':
      // Its last bytes are still being written.
      return { ...stage, unreachable: false };
    case 'queued':
    case 'preparing':
    case 'adding':
      return { kind: 'processing', state: item.state, permille: item.progressPermille, unreachable: false };
    case 'ready':
      return { kind: 'ready', item };
    case 'failed':
      return { kind: 'failed', why: failureInWords(item.error) };
    case 'cancelled':
      return { kind: 'cancelled' };
  }
}

const sampleEveryMs = 250;
const speedOverMs = 5_000;

/** The samples of the last five seconds, and one from before them. A fall (a chunk is sent again) begins anew. */
export function sampled(samples: readonly Sample[], { sent, at }: Sample): readonly Sample[] {
  const last = samples.at(-1);
  if (last === undefined || sent < last.sent) return [{ sent, at }];
  if (at - last.at < sampleEveryMs) return samples;
  const recent = samples.findLastIndex((sample) => sample.at <= at - speedOverMs);
  return [...samples.slice(Math.max(0, recent)), { sent, at }];
}

/** Bytes a second over the last seconds; null while too little is known. */
export function speedOf(samples: readonly Sample[]): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at - first.at < 2 * sampleEveryMs) return null;
  return Math.round(((last.sent - first.sent) * 1000) / (last.at - first.at));
}

export function failureInWords(error: { readonly code: string; readonly detail: string } | null): string {
  if (error === null) return 'The streamer could not use this file, and does not say why.';
  switch (error.code) {
    case 'unprocessable_video':
      return `This file cannot be made into a stream: ${error.detail}`;
    case 'quota_exceeded':
      return `There is no room for this file: ${sizesInWords(error.detail)}. Delete what you no longer need among your uploads, or choose another streamer.`;
    case 'too_large':
      return `This file is too large for this streamer: ${sizesInWords(error.detail)}.`;
    default:
      return error.detail === '' ? `The streamer could not use this file (${error.code}).` : error.detail;
  }
}

/** A streamer tells sizes in bytes. */
function sizesInWords(detail: string): string {
  return detail.replace(/\b\d{4,15} bytes\b/g, (size) => formatBytes(Number.parseInt(size, 10)));
}

export interface StageWords {
  readonly title: string;
  readonly detail: string | null;
  /** How far this stage is; null where that is not known. */
  readonly permille: number | null;
}

export function stageInWords(stage: Stage): StageWords {
  switch (stage.kind) {
    case 'idle':
      return { title: 'Nothing is being uploaded', detail: null, permille: null };
    case 'starting':
      return { title: 'Starting', detail: null, permille: null };
    case 'uploading':
      return { title: `Uploading ${percent(permilleOf(stage))}`, detail: uploadDetail(stage), permille: permilleOf(stage) };
    case 'interrupted':
      return { title: 'Interrupted', detail: stage.why, permille: permilleOf(stage) };
    case 'processing':
      return {
        title: processing(stage),
        detail: stage.unreachable
          ? 'The streamer does not answer now. The page asks again by itself.'
          : 'The streamer works on it. You may leave this page: it is among your uploads.',
        permille: stage.state === 'queued' ? null : stage.permille,
      };
    case 'ready':
      return { title: 'Ready', detail: 'It is on IPFS. Register it to sell it.', permille: 1000 };
    case 'failed':
      return { title: 'Failed', detail: stage.why, permille: null };
    case 'cancelled':
      return { title: 'Cancelled', detail: null, permille: null };
  }
}

function processing({ state, permille }: Extract<Stage, { kind: 'processing' }>): string {
  switch (state) {
    case 'queued':
      return 'Waiting for its turn';
    case 'preparing':
      return `Preparing ${percent(permille)}`;
    case 'adding':
      return `Adding to IPFS ${percent(permille)}`;
  }
}

/** Rounded down: it is 100 % when everything is there, and not before. */
function permilleOf({ sent, total }: { readonly sent: number; readonly total: number }): number {
  return total <= 0 ? 0 : Math.min(1000, Math.floor((sent / total) * 1000));
}

function percent(permille: number): string {
  return `${Math.floor(permille / 10)}\u202f%`;
}

function uploadDetail({ sent, total, samples }: Extract<Stage, { kind: 'uploading' }>): string {
  const speed = speedOf(samples);
  const amount = `${formatBytes(sent)} of ${formatBytes(total)}`;
  if (speed === null || speed === 0) return amount;
  return `${amount} · ${formatBytes(speed)}/s · ${formatDuration(((total - sent) / speed) * 1000)} left`;
}

/** 1234567 -> "1.2 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let power = 0;
  while (power < units.length - 1 && bytes >= 1000 ** (power + 1)) power += 1;
  const tenths = BigInt(Math.floor((bytes * 10) / 1000 ** power));
  return `${power === 0 ? bytes : formatUnits(tenths, 1)} ${units[power]}`;
}
