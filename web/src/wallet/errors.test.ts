import { UserRejectedRequestError } from 'viem';
import { describe, expect, test } from 'vitest';
import { earningsSplitterAbi, streamRegistryAbi } from '../contracts/abi.ts';
import { revertSentence, sentence } from './errors.ts';

describe('errors as sentences', () => {
  const names = [...streamRegistryAbi, ...earningsSplitterAbi].filter((entry) => entry.type === 'error').map((entry) => entry.name);

  test.each([...new Set(names)].filter((name) => name !== 'RegistryHasNoCode'))('the contracts’ error %s has one of its own', (name) => {
    expect(revertSentence(name, [1n, 2n])).not.toContain('The contract refused');
  });

  test('a cancel in the wallet says nothing', () => {
    expect(sentence({ code: 4001 })).toBeNull();
    expect(sentence(Object.assign(new Error('User rejected the request.'), { code: 4001 }))).toBeNull();
  });

  test('a wallet that refuses for a reason of its own is quoted', () => {
    const refused = new UserRejectedRequestError(Object.assign(new Error('An HTTPS address is needed.'), { code: -32602 }));
    expect(sentence(refused)).toBe('The wallet refused: An HTTPS address is needed.');
    expect(sentence(new UserRejectedRequestError(Object.assign(new Error('no'), { code: 4001 })))).toBeNull();
  });

  test('anything else says what it is', () => expect(sentence(new Error('out of paper'))).toBe('out of paper'));
});
