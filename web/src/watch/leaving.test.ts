import { describe, expect, test } from 'vitest';
import { termsToJson, termsWith } from '../bitcoin/fixture.ts';
import { payoutsOf } from '../channels/pay.ts';
import type { ChannelRecord } from '../channels/store.ts';
import { farewellSat } from '../session/core.ts';
import { leavingInWords } from './leaving.ts';

const terms = termsToJson(termsWith());
const recordOf = (valueSat: bigint): ChannelRecord =>
  ({ terms, funding: [{ txid: 'ab'.repeat(32), vout: 0, valueSat }], signed: null }) as unknown as ChannelRecord;
const record = recordOf(50_000n);

describe('leaving, said beforehand', () => {
  test('promises all but the fee when nothing was paid, and the farewell keeps it', () => {
    const words = leavingInWords(record, 'active', 0n, 244);
    expect(words.text).toContain('49\u202f684 sat come back');
    expect(words.text).toContain('316 sat pay the Bitcoin network');
    expect(words.text).toContain('at block 388, in about 24 hours');
    expect(payoutsOf(record, farewellSat)).toEqual({ providerSat: 0n, creatorSat: 0n, changeSat: 49_684n });
  });

  test('settles the last payment when there is one', () => {
    expect(leavingInWords(record, 'active', 20n, 244).text).toContain('broadcasts your last payment');
  });

  test.each(['connecting', 'starting'] as const)('says when the money returns while the provider is away (%s)', (phase) => {
    const words = leavingInWords(record, phase, 0n, 244);
    expect(words.text).toContain('refunds you by itself at block 388, in about 24 hours');
    expect(words.action).toBe('Leave and wait');
    expect(leavingInWords(record, phase, 20n, null).text).toContain('settles your last payment. If it does not, this page refunds');
  });

  test('promises no early close of a channel that can pay nothing', () => {
    expect(leavingInWords(recordOf(600n), 'active', 0n, 244).text).toContain('refunds you by itself at block 388');
  });
});
