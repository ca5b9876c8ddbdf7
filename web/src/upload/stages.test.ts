import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Item, itemStates, readItem, readItems } from '../provider/items.ts';
import { failureInWords, formatBytes, idle, next, type Stage, sampled, speedOf, stageInWords, type UploadEvent } from './stages.ts';

const json = {
  item_id: 'a',
  state: 'ready',
  progress_permille: 1000,
  title: 't',
  description: '',
  cid: 'bafy',
  size: 5,
  free: false,
  error: null,
};
const item = (changes: object = {}): Item => readItem({ ...json, ...changes });
const run = (...events: UploadEvent[]): Stage => events.reduce(next, idle);
const started = { kind: 'started' } as const;
const received = { kind: 'received' } as const;
const progress = (sent: number, at = 0): UploadEvent => ({ kind: 'progress', sent, total: 1000, at });

describe('an upload', () => {
  test('goes through its stages to ready', () => {
    expect(run(started).kind).toBe('starting');
    expect(run(started, progress(10)).kind).toBe('uploading');
    expect(run(started, progress(10), received)).toMatchObject({ kind: 'processing', state: 'queued' });
    const preparing = run(started, received, { kind: 'item', item: item({ state: 'preparing', progress_permille: 420 }) });
    expect(preparing).toMatchObject({ kind: 'processing', state: 'preparing', permille: 420 });
    expect(stageInWords(preparing).title).toBe('Preparing 42\u202f%');
    expect(next(preparing, { kind: 'item', item: item() })).toMatchObject({ kind: 'ready', item: { cid: 'bafy' } });
  });

  test('that is interrupted keeps how far it was, and goes on', () => {
    const interrupted = run(started, progress(700), { kind: 'interrupted', why: 'gone' });
    expect(stageInWords(interrupted)).toEqual({ title: 'Interrupted', detail: 'gone', permille: 700 });
    expect(next(next(interrupted, started), progress(700)).kind).toBe('uploading');
  });

  test('that was cancelled is not brought back by what comes late', () => {
    const cancelled = run(started, progress(10), { kind: 'cancelled' });
    for (const late of [
      progress(20),
      received,
      { kind: 'interrupted', why: '' },
      { kind: 'failed', why: '' },
      { kind: 'unreachable' },
    ] as const) {
      expect(next(cancelled, late)).toBe(cancelled);
    }
    expect(next(cancelled, { kind: 'item', item: item() })).toBe(cancelled);
  });

  test('that failed says why', () => {
    const error = { code: 'unprocessable_video', detail: 'no video track' };
    expect(run(started, received, { kind: 'item', item: item({ state: 'failed', error }) })).toEqual({
      kind: 'failed',
      why: 'This file cannot be made into a stream: no video track',
    });
    expect(failureInWords(null)).toContain('does not say why');
    const full = failureInWords({ code: 'quota_exceeded', detail: 'your quota has room for 12345678 bytes more' });
    expect(full).toContain('no room for this file: your quota has room for 12.3 MB more. Delete');
    expect(failureInWords({ code: 'too_large', detail: 'a file is at most 2000000000 bytes' })).toContain('a file is at most 2 GB.');
    expect(failureInWords({ code: 'odd', detail: '' })).toContain('odd');
  });

  test('whose streamer does not answer waits, and says so until it does', () => {
    const waiting = run(started, received, { kind: 'unreachable' });
    expect(stageInWords(waiting).detail).toContain('does not answer');
    expect(next(waiting, { kind: 'item', item: item({ state: 'uploading' }) })).toMatchObject({ unreachable: false });
  });

  test('that is ready stays ready, whatever comes but a reset', () => {
    const event = fc.oneof(
      fc.constantFrom<UploadEvent>(started, received, progress(1), { kind: 'unreachable' }, { kind: 'cancelled' }),
      fc.constantFrom(...itemStates).map((state): UploadEvent => ({ kind: 'item', item: item({ state }) })),
      fc.string().map((why): UploadEvent => ({ kind: 'failed', why })),
    );
    fc.assert(
      fc.property(
        fc.array(event),
        (events) => events.reduce(next, run(started, received, { kind: 'item', item: item() })).kind === 'ready',
      ),
    );
    expect(next(run(started, received), { kind: 'reset' })).toBe(idle);
  });
});

describe('the speed', () => {
  const samples = (...points: [sent: number, at: number][]) =>
    points.reduce((all, [sent, at]) => sampled(all, { sent, at }), [] as ReturnType<typeof sampled>);

  test('is that of the last seconds', () => {
    expect(speedOf(samples([0, 0], [1_000_000, 1_000]))).toBe(1_000_000);
    // Ten slow seconds are forgotten after five quick ones.
    const points = [...Array(11).keys()].map((second): [number, number] => [second, second * 1000]);
    expect(speedOf(samples(...points, [5_000_010, 15_000], [10_000_010, 20_000]))).toBe(1_000_000);
  });

  test('is not known at once, nor after a chunk was lost', () => {
    expect(speedOf(samples([0, 0], [10, 100]))).toBeNull();
    expect(speedOf(samples([0, 0], [1000, 1000], [500, 2000]))).toBeNull();
  });

  test('of a long upload keeps few samples', () => {
    const points = [...Array(100_000).keys()].map((n): [number, number] => [n, n * 10]);
    expect(samples(...points).length).toBeLessThan(25);
  });

  test('stands beside the amount and the time left', () => {
    const stage = run(started, { kind: 'progress', sent: 0, total: 10e6, at: 0 }, { kind: 'progress', sent: 2e6, total: 10e6, at: 2000 });
    expect(stageInWords(stage)).toEqual({ title: 'Uploading 20\u202f%', detail: '2 MB of 10 MB · 1 MB/s · 0:08 left', permille: 200 });
  });
});

test('99.9 % are not everything', () => {
  expect(stageInWords(run(started, { kind: 'progress', sent: 9_999, total: 10_000, at: 0 })).permille).toBe(999);
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_250_000, '1.2 MB'],
  [3_000_000_000, '3 GB'],
])('%i bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

describe('an item', () => {
  test('is read with what is missing left empty', () => {
    expect(readItem({ item_id: 'a', state: 'queued' })).toMatchObject({
      title: '',
      cid: null,
      metadataCid: null,
      progressPermille: 0,
      error: null,
    });
    expect(readItems([json])).toHaveLength(1);
    expect(readItems({ items: [json] })).toHaveLength(1);
  });

  test.each([
    [{ ...json, state: 'resting' }, 'state'],
    [{ ...json, item_id: 4 }, 'item_id'],
    [{ ...json, size: '5' }, 'size'],
    [{ ...json, error: { code: 'x' } }, 'error.detail'],
  ])('that is none is refused: %j', (bad, name) => expect(() => readItem(bad)).toThrow(name));
});
