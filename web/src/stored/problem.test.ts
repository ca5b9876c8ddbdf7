import { describe, expect, test } from 'vitest';
import { CutOffError, DamagedError } from '../ipfs/error.ts';
import { ProviderError } from '../provider/client.ts';
import { mayPass, problemOf, unreachable } from './problem.ts';
import { TimelineError } from './timeline.ts';

const cid = 'bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y';

describe('why a stored video stops', () => {
  test('a block that failed its check is named, by the page', () => {
    const problem = problemOf(new DamagedError('mismatch', cid, 'the block’s bytes are not those that its CID names'));
    expect(problem).toMatchObject({ kind: 'damaged', cid });
    expect(problem.text).toContain(cid);
    expect(problem.text).toContain('choose another provider');
  });

  test('a block that the provider itself found damaged is named, where it says which', () => {
    const said = problemOf(new ProviderError('content_damaged', 502, `block ${cid} does not match its CID`));
    expect(said).toMatchObject({ kind: 'damaged', cid });
    expect(said.text).toContain(cid);
    expect(problemOf(new ProviderError('content_damaged', 502, 'damaged'))).toMatchObject({ kind: 'damaged', cid: null });
  });

  test.each([
    ['a pass that has ended', new ProviderError('payment_required', 402, ''), 'pass_ended'],
    ['content that is gone', new ProviderError('not_found', 404, 'no such block'), 'refused'],
    ['a file that cannot be played', new TimelineError('no_index', 'it has no index'), 'unplayable'],
  ])('%s', (_name, error, kind) => {
    expect(problemOf(error)).toMatchObject({ kind });
    expect(mayPass(error)).toBe(false);
  });

  test.each([
    ['a broken answer', new CutOffError('The provider’s answer was cut off.')],
    ['a provider that does not answer', new ProviderError('unreachable', 0, '')],
    ['a provider that is busy', new ProviderError('rate_limited', 429, '')],
    ['a provider that starts', new ProviderError('unavailable', 503, '')],
  ])('%s may pass', (_name, error) => {
    expect(mayPass(error)).toBe(true);
    expect(unreachable(error).text).toContain('another provider');
  });
});
