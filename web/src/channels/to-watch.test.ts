import { describe, expect, test } from 'vitest';
import type { ChannelRecord } from './store.ts';
import { channelToWatch } from './to-watch.ts';

const record = (channelId: string, change: Partial<ChannelRecord> = {}): ChannelRecord =>
  ({ channelId, funding: [], left: false, outcome: { kind: 'running' }, dearRefund: null, ...change }) as ChannelRecord;
const funding = [{ txid: 'aa', vout: 0, valueSat: 1000n }];
const closed = { kind: 'closed', txid: 'bb', confirmed: false } as const;

describe('of the channels of a content', () => {
  test('the newest is funded', () => {
    const newest = record('2');
    expect(channelToWatch([newest, record('1')], null)).toEqual({ running: newest, ended: null });
  });

  test('the one that holds money goes before a newer one that a second tab has opened', () => {
    const paid = record('1', { funding });
    expect(channelToWatch([record('2'), paid], null).running).toBe(paid);
  });

  test('the one that was left shows its settlement until it is dismissed', () => {
    const left = record('2', { funding, left: true, outcome: closed });
    const paid = record('1', { funding });
    expect(channelToWatch([left, paid], null)).toEqual({ running: null, ended: left });
    expect(channelToWatch([left, paid], '2')).toEqual({ running: paid, ended: null });
  });

  test('the one whose refund waits for lower fees is none to watch with', () => {
    const due = record('1', { funding, dearRefund: { amountSat: 1000n, feeSat: 500n } });
    expect(channelToWatch([due], null)).toEqual({ running: null, ended: null });
  });

  test('an old address is not shown again for funding', () => {
    const settled = record('2', { funding, outcome: closed });
    expect(channelToWatch([settled, record('1')], null)).toEqual({ running: null, ended: null });
    expect(channelToWatch([], null)).toEqual({ running: null, ended: null });
  });
});
