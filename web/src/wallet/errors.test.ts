import { readFileSync, writeFileSync } from 'node:fs';
import {
  ContractFunctionRevertedError,
  decodeErrorResult,
  encodeAbiParameters,
  encodeErrorResult,
  type Hex,
  UserRejectedRequestError,
} from 'viem';
import { describe, expect, test } from 'vitest';
import sentences from '../../../contracts/errors.json' with { type: 'json' };
import { streamRegistryAbi } from '../contracts/abi.ts';
import { contractErrors, withAllErrors } from '../contracts/errors.ts';
import { revertSentence, sentence } from './errors.ts';

const errors = [...contractErrors.values()];

/** Arguments that show every format at work: the n-th number is n + 1 days, and so on. */
function sampleOf({ type }: { readonly type: string }, index: number): unknown {
  const byte = `0${index + 1}`;
  if (type === 'uint256') return BigInt(index + 1) * 86_400n * 20_777n + 12_345n;
  if (type === 'address') return `0x${byte.repeat(19)}ab`;
  return `0x${byte.repeat(32)}`;
}

function dataOf(name: string, args: readonly unknown[]): Hex {
  return encodeErrorResult({ abi: errors, errorName: name, args } as never);
}

function sentenceOf(data: Hex): string {
  const decoded = decodeErrorResult({ abi: errors, data });
  return revertSentence(decoded.errorName, decoded.args ?? []);
}

describe('the contracts’ errors', () => {
  test('each has a sentence, and no sentence is left over', () => {
    expect(Object.keys(sentences).sort()).toEqual([...contractErrors.keys()].sort());
  });

  test.each(errors)('$name: every placeholder is one of its arguments', ({ name, inputs }) => {
    const said = revertSentence(name, inputs.map(sampleOf));
    expect(said).not.toMatch(/[{}]|undefined|The contract refused/);
  });

  test('are written as the shared vectors say, which Rust passes too', () => {
    const cases: [string, Hex][] = errors.map(({ name, inputs }) => [name, dataOf(name, inputs.map(sampleOf))]);
    cases.push(
      ['IncorrectPayment', dataOf('IncorrectPayment', [0n, 2n ** 256n - 1n])],
      ['SignatureExpired', dataOf('SignatureExpired', [0n])],
      ['SignatureExpired', dataOf('SignatureExpired', [253_402_300_799n])],
      ['SignatureExpired', dataOf('SignatureExpired', [253_402_300_800n])],
      ['SignatureExpired', dataOf('SignatureExpired', [1_709_208_000n])],
      ['SignatureExpired', dataOf('SignatureExpired', [951_868_799n])],
      ['CreatorShareAboveMaximum', dataOf('CreatorShareAboveMaximum', [10_001n, 1_250n])],
      ['Error', `0x08c379a0${encodeAbiParameters([{ type: 'string' }], [`no “${'🎬\n'.repeat(150)}`]).slice(2)}`],
      ['Panic', `0x4e487b71${encodeAbiParameters([{ type: 'uint256' }], [17n]).slice(2)}`],
    );
    const vectors = cases.map(([error, data]) => ({ error, data, sentence: sentenceOf(data) }));
    const file = new URL('../../../contracts/vectors/errors.json', import.meta.url);
    if (process.env.UPDATE_VECTORS !== undefined) writeFileSync(file, `${JSON.stringify(vectors, null, 2)}\n`);
    expect(vectors).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  test('are decoded also when they come from another contract than the one that was called', () => {
    const data = dataOf('GasTooLow', [1n, 2n]);
    const error = new ContractFunctionRevertedError({ abi: withAllErrors(streamRegistryAbi) as never, data, functionName: 'content' });
    expect(sentence(error)).toBe(sentences.GasTooLow);
  });

  test('of a name that is not in the table is still named', () => {
    expect(revertSentence('toString', [])).toBe('The contract refused: toString.');
  });
});

describe('errors as sentences', () => {
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
