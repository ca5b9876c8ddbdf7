import { describe, expect, test } from 'vitest';
import { CutOffError, DamagedError } from '../ipfs/error.ts';
import { ProviderError } from '../provider/client.ts';
import { CostlyError } from './cost-limit.ts';
import { Faults } from './faults.ts';

const kindOf = (error: unknown, metered = true) => new Faults(metered).reactionTo(error).kind;
const broken = new CutOffError('The provider’s answer was cut off.');
const silent = new CutOffError('The provider went silent.', { silent: true });

describe('what a player does about', () => {
  test.each([
    ['a block that is not what its CID names', new DamagedError('mismatch', 'bafk', 'x'), 'stop'],
    ['a refusal', new ProviderError('not_found', 404, ''), 'stop'],
    ['a place that the viewer has left', new DOMException('', 'AbortError'), 'none'],
    ['a block that costs too much to be paid silently', new CostlyError('bafk', 90_000), 'ask'],
    ['the end of a session’s token', new ProviderError('payment_required', 402, ''), 'token_ended'],
    ['an answer that broke', broken, 'again'],
  ])('%s', (_name, error, kind) => expect(kindOf(error)).toBe(kind));

  test('the end of a pass, which no session renews', () => {
    expect(kindOf(new ProviderError('payment_required', 402, ''), false)).toBe('stop');
  });

  test('failures in a row: more and more patience, and then the viewer’s word', () => {
    const faults = new Faults(false);
    const waits = Array.from({ length: 5 }, () => faults.reactionTo(broken)).map(
      (reaction) => reaction.kind === 'again' && reaction.afterMs,
    );
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000]);
    expect(faults.reactionTo(broken)).toMatchObject({ kind: 'give_up', problem: { kind: 'unreachable' } });
    faults.forget();
    expect(faults.reactionTo(broken)).toEqual({ kind: 'again', afterMs: 500 });
  });

  test('silence, which waits for a payment where there is a meter, and counts where there is none', () => {
    const [paid, free] = [new Faults(true), new Faults(false)];
    for (let silences = 0; silences < 20; silences += 1) expect(paid.reactionTo(silent)).toEqual({ kind: 'again', afterMs: 250 });
    expect(free.reactionTo(silent)).toEqual({ kind: 'again', afterMs: 500 });
  });
});
