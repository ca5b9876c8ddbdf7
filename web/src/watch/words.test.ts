import { describe, expect, test } from 'vitest';
import { newSession, type Session } from '../session/core.ts';
import { type StoredNow, storedStateInWords } from './words.ts';

const session = (change: Partial<Session> = {}): Session => ({
  ...newSession({ msatPerSecond: 1n, maxPaidSat: 1n, signed: null, metering: 'checked' }),
  phase: 'active',
  gate: { open: true, reason: 'paid' },
  ...change,
});
const playing: StoredNow = { problem: false, playing: true, waiting: false, ended: false };
const damage = { cid: 'bafkrei', detail: '' };

describe('a stored video says', () => {
  test.each<[string, Partial<Session>, Partial<StoredNow>]>([
    ['Playing', {}, {}],
    ['Paused', {}, { playing: false }],
    ['Reading the video', {}, { waiting: true }],
    ['Paying', { gate: { open: false, reason: 'payment_due' } }, { waiting: true }],
    ['Watched to the end', {}, { ended: true, playing: false }],
    ['Stopped', {}, { problem: true, playing: false }],
    ['Waiting for confirmation 0/1', { gate: { open: false, reason: 'preview_used' } }, { waiting: true }],
    ['Stopped: a block failed its check', { damage }, { problem: true }],
    ['Stopped: a block failed its check', { damage, phase: 'connecting' }, { problem: true }],
    ['Closing the channel', { damage, phase: 'leaving' }, { problem: true }],
    ['The provider asks for more than it sent', { refusal: 'unchecked' }, { waiting: true }],
    ['The provider asked for more than the price', { refusal: 'above_price' }, {}],
    ['Playing', { refusal: 'ahead_of_blocks' }, {}],
    ['Connecting to the provider', { phase: 'connecting' }, { waiting: true }],
  ])('“%s”', (text, change, now) => {
    expect(storedStateInWords(session(change), { ...playing, ...now }, 1).text).toBe(text);
  });

  test('nothing of broadcasts', () => {
    for (const reason of ['waiting_for_media', 'payment_due', 'paid', 'channel_not_open', 'preview_used']) {
      const words = storedStateInWords(session({ gate: { open: false, reason } }), { ...playing, waiting: true }, 1);
      expect(`${words.text} ${words.detail}`).not.toMatch(/off air|broadcast/i);
    }
  });
});
