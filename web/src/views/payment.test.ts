import { readFileSync } from 'node:fs';
import { type Hex, hashTypedData, keccak256, recoverTypedDataAddress, toHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { viewAuthorizationNonce } from '../contracts/channel-id.ts';
import { readRelay } from '../provider/relay.ts';
import { authorize, expectedSeparator, isUsable, permitTypedData, recordViewTypedData, signedView, type View } from './payment.ts';

const viewer = privateKeyToAccount('0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6');
const token = {
  address: '0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0',
  symbol: 'TST',
  name: 'Test token',
  decimals: 6,
  version: '2',
} as const;
const view: View = {
  chainId: 11155111,
  splitter: '0x5FbDB2315678afecb367f032d93F642f64180aa3',
  token,
  contentId: `0x${'c0'.repeat(32)}`,
  provider: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
  viewer: viewer.address,
  price: 1_500_000n,
};
const salt: Hex = `0x${'5a'.repeat(32)}`;

describe('what is signed for a view in a token', () => {
  test('is of the types that the standards fix', () => {
    type Fields = readonly { readonly name: string; readonly type: string }[];
    const hash = (name: string, fields: Fields): Hex =>
      keccak256(toHex(`${name}(${fields.map((field) => `${field.type} ${field.name}`).join(',')})`));
    expect(hash('ReceiveWithAuthorization', authorize(view, salt, 0n).typedData.types.ReceiveWithAuthorization)).toBe(
      '0xd099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8',
    );
    expect(hash('Permit', permitTypedData(view, 0n, 0n).types.Permit)).toBe(
      '0x6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9',
    );
  });

  test('names the splitter, exactly the price, and a nonce for this view alone', () => {
    const { typedData } = authorize(view, salt, 1_000n);
    expect(typedData.message).toEqual({
      from: viewer.address,
      to: view.splitter,
      value: 1_500_000n,
      validAfter: 0n,
      validBefore: 4_600n,
      nonce: viewAuthorizationNonce(view.contentId, view.provider, viewer.address, salt),
    });
    expect(typedData.domain).toEqual({ name: 'Test token', version: '2', chainId: 11155111, verifyingContract: token.address });
  });

  test('is recovered to the viewer from what travels', async () => {
    const { typedData, payment } = authorize(view, salt, 1_000n);
    const sent = payment(await viewer.signTypedData(typedData));
    expect(await recoverTypedDataAddress({ ...typedData, signature: sent.signature })).toBe(viewer.address);
    expect(JSON.parse(JSON.stringify(sent))).toMatchObject({
      method: 'authorization',
      price: '1500000',
      valid_after: '0',
      valid_before: '4600',
      salt,
    });
  });

  test('without EIP-3009 is the splitter’s own RecordView, as in the shared vectors', () => {
    const vectors = JSON.parse(readFileSync(new URL('../../../contracts/vectors/typed_data.json', import.meta.url), 'utf8'));
    const vector = vectors.messages.find((entry: { primaryType: string }) => entry.primaryType === 'RecordView');
    const { message } = vector;
    const same: View = {
      chainId: vectors.chainId,
      splitter: vectors.splitter.address,
      token: { ...token, address: message.token },
      contentId: message.contentId,
      provider: message.provider,
      viewer: message.viewer,
      price: BigInt(message.maxPrice),
    };
    expect(hashTypedData(recordViewTypedData(same, BigInt(message.nonce), BigInt(message.deadline)))).toBe(vector.digest);
    expect(signedView(same, 0n, 9n, '0x01', '0x02')).toMatchObject({
      method: 'signature',
      view: { max_price: message.maxPrice, nonce: '0', deadline: '9' },
      permit: { value: message.maxPrice, deadline: '9', signature: '0x02' },
    });
    expect(signedView(same, 0n, 9n, '0x01', null).method === 'signature' && signedView(same, 0n, 9n, '0x01', null)).toMatchObject({
      permit: null,
    });
  });
});

test('a token’s domain separator depends on every part of its settings', () => {
  const separators = [
    expectedSeparator(token, 1),
    expectedSeparator(token, 2),
    expectedSeparator({ ...token, version: '1' }, 1),
    expectedSeparator({ ...token, name: 'Test' }, 1),
    expectedSeparator({ ...token, address: view.splitter }, 1),
    expectedSeparator({ ...token, symbol: 'other', decimals: 0 }, 1),
  ];
  expect(new Set(separators).size).toBe(5);
});

test('a payment may be sent until it ends', () => {
  const payment = authorize(view, salt, 1_000n).payment('0x');
  expect(isUsable(payment, 4_599n)).toBe(true);
  expect(isUsable(payment, 4_600n)).toBe(false);
});

test.each([{ relay_id: '0x12', state: 'pending' }, { relay_id: salt, state: 'lost' }, {}])('what is no relay is refused: %j', (json) =>
  expect(() => readRelay(json)).toThrow(),
);
