/**
 * The vectors that Solidity (contracts/test/TypedData.t.sol) and Rust (contracts/typed_data.rs) pass too, made by viem, which knows
 * nothing of either. `UPDATE_VECTORS=1 npm test` writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { encodeAbiParameters, encodeFunctionData, type Hex, hashTypedData, keccak256, recoverAddress } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { earningsSplitterAbi, streamRegistryAbi } from './abi.ts';
import { type Channel, channelIdOf, topUpAuthorizationNonce, viewAuthorizationNonce } from './channel-id.ts';
import { registrySigning, splitterSigning } from './typed-data.ts';

const file = new URL('../../../contracts/vectors/typed_data.json', import.meta.url);

const chainId = 11155111;
const registry = '0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512';
const splitter = '0x5FbDB2315678afecb367f032d93F642f64180aa3';
const token = '0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0';
const payout = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
const deadline = 4294967296n;
const salt = keccak256('0x01');

// The well-known keys of a local chain.
const keys = {
  creator: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  provider: '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
  viewer: '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6',
  session: '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a',
} as const;
const creator = privateKeyToAccount(keys.creator).address;
const provider = privateKeyToAccount(keys.provider).address;
const viewer = privateKeyToAccount(keys.viewer).address;

const cid = 'bafkreiefezspyd57xh6mmjfgvcglji4vfnrjvzwod3mn6cnziytoz6ny7y';
const contentId = keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'string' }], [creator, cid]));
const terms = { token, payout, creatorShareBps: 9000, pricePerView: 2n ** 70n, pricePerSecond: 7n, msatPerSecond: 2n ** 63n } as const;
const channel: Channel = {
  deal: { contentId, provider, payout, token, creatorShareBps: 9000, pricePerSecond: 7n },
  payer: viewer,
  signer: privateKeyToAccount(keys.session).address,
  expiry: 2n ** 63n,
  salt: 2n ** 64n - 1n,
};
const channelId = channelIdOf(chainId, splitter, channel);

type Role = keyof typeof keys;
const atRegistry = registrySigning(chainId, registry);
const atSplitter = splitterSigning(chainId, splitter);

// In the order in which the Solidity test sends them: each finds the chain as those before it have left it.
const vectors = {
  chainId,
  registry: { address: registry, ...pick(atRegistry.domain) },
  splitter: { address: splitter, ...pick(atSplitter.domain) },
  token,
  messages: [
    await registryAction('creator', 'RegisterContent', {
      creator,
      cid,
      name: 'Ein Titel: “ünï” 🎬',
      metadataURI: '',
      terms: { ...terms, token: '0x0000000000000000000000000000000000000000', creatorShareBps: 0 },
      nonce: 0n,
      deadline,
    }),
    await registryAction('creator', 'UpdateTerms', { creator, contentId, terms, nonce: 1n, deadline }),
    await registryAction('creator', 'SetBitcoinPayout', {
      creator,
      scriptPubKey: '0x0014751e76e8199196d454941c45d1b3a323f1433bd6',
      nonce: 2n,
      deadline,
    }),
    await registryAction('provider', 'RegisterStream', { provider, contentId, url: 'https://stream.example/ünï', nonce: 0n, deadline }),
    await splitterMessage('viewer', 'RecordView', { viewer, contentId, provider, token, maxPrice: 2n ** 70n, nonce: 0n, deadline }),
    await splitterMessage('session', 'Voucher', { channelId, cumulative: 2n ** 100n + 1n }),
    await registryAction('provider', 'DeregisterStream', { provider, contentId, nonce: 1n, deadline }),
    await registryAction('creator', 'DeregisterContent', { creator, contentId, nonce: 3n, deadline }),
  ],
  channel: {
    encoded: encodeFunctionData({ abi: earningsSplitterAbi, functionName: 'channelIdOf', args: [channel] }),
    channel,
    channelId,
    salt,
    topUpAuthorizationNonce: topUpAuthorizationNonce(channelId, salt),
    viewAuthorizationNonce: viewAuthorizationNonce(contentId, provider, viewer, salt),
  },
};

type Actions = {
  RegisterContent: 'registerContentBySig';
  UpdateTerms: 'updateTermsBySig';
  DeregisterContent: 'deregisterContentBySig';
  RegisterStream: 'registerStreamBySig';
  DeregisterStream: 'deregisterStreamBySig';
  SetBitcoinPayout: 'setBitcoinPayoutBySig';
};

function pick({ name, version }: { readonly name: string; readonly version: string }) {
  return { name, version };
}

async function registryAction(role: Role, primaryType: keyof Actions, message: object) {
  const functionName = `${primaryType[0]?.toLowerCase()}${primaryType.slice(1)}BySig` as Actions[typeof primaryType];
  const typedData = { ...atRegistry, primaryType, message } as never;
  return signed('registry', role, primaryType, message, typedData, (signature) =>
    encodeFunctionData({ abi: streamRegistryAbi, functionName, args: [message, signature] as never }),
  );
}

async function splitterMessage(role: Role, primaryType: 'RecordView' | 'Voucher', message: object) {
  const typedData = { ...atSplitter, primaryType, message } as never;
  const permit = { value: 0n, deadline: 0n, v: 0, r: `0x${'00'.repeat(32)}`, s: `0x${'00'.repeat(32)}` };
  return signed('splitter', role, primaryType, message, typedData, (signature) =>
    primaryType === 'Voucher'
      ? encodeFunctionData({ abi: earningsSplitterAbi, functionName: 'voucherDigest', args: [message] as never })
      : encodeFunctionData({ abi: earningsSplitterAbi, functionName: 'recordViewBySig', args: [message, signature, permit] as never }),
  );
}

async function signed(
  contract: 'registry' | 'splitter',
  role: Role,
  primaryType: string,
  message: object,
  typedData: never,
  encode: (signature: Hex) => Hex,
) {
  const account = privateKeyToAccount(keys[role]);
  const signature = await account.signTypedData(typedData);
  const digest = hashTypedData(typedData);
  return {
    contract,
    primaryType,
    message,
    account: account.address,
    privateKey: keys[role],
    digest,
    signature,
    calldata: encode(signature),
  };
}

const text = `${JSON.stringify(vectors, (_, value) => (typeof value === 'bigint' ? value.toString() : value), 2)}\n`;
if (process.env.UPDATE_VECTORS !== undefined) writeFileSync(file, text);

describe('what is signed for the contracts', () => {
  test('is what the shared vectors say, digests, signatures and ids', () => {
    expect(JSON.parse(text)).toEqual(JSON.parse(readFileSync(file, 'utf8')));
  });

  test('stands in the vectors for every function that takes a signed action', () => {
    const functions = [...streamRegistryAbi, ...earningsSplitterAbi].filter(
      (entry) => entry.type === 'function' && entry.name.endsWith('BySig'),
    );
    expect(vectors.messages.map(({ primaryType }) => primaryType).filter((type) => type !== 'Voucher')).toHaveLength(functions.length);
    const types = Object.keys({ ...atRegistry.types, ...atSplitter.types }).filter((type) => type !== 'Terms');
    expect(new Set(vectors.messages.map(({ primaryType }) => primaryType))).toEqual(new Set(types));
  });

  test.each(vectors.messages)('is recovered to the account that signed: $primaryType', async ({ digest, signature, account }) => {
    expect(await recoverAddress({ hash: digest, signature })).toBe(account);
  });
});
