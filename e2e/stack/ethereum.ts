/** The local chain: its accounts, and the contracts deployed to it. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { type Address, createPublicClient, defineChain, type Hex, http, type PublicClient, toHex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { run } from './run.ts';
import type { Tools } from './tools.ts';

export const chainId = 31337;
/** anvil's and every other development chain's: worth nothing, known to everybody. */
export const mnemonic = 'test test test test test test test test test test test junk';

export interface EthereumAccount {
  readonly address: Address;
  readonly privateKey: Hex;
}

/** By the place in the mnemonic. The chain gives ether to the first ten: the viewer who pays by token has none. */
const places = { deployer: 0, creator: 1, provider: 2, viewer: 3, secondProvider: 4, tokenViewer: 10 } as const;
export type Role = keyof typeof places;

export const accounts = Object.fromEntries(
  Object.entries(places).map(([role, addressIndex]) => {
    const account = mnemonicToAccount(mnemonic, { addressIndex });
    const key = account.getHdKey().privateKey;
    if (key === null) throw new Error('a key derived from a mnemonic is never public only');
    return [role, { address: account.address, privateKey: toHex(key) }];
  }),
) as unknown as Readonly<Record<Role, EthereumAccount>>;

/** The part of the deployment record that the stack needs. */
export interface Deployment {
  readonly chainId: number;
  readonly registry: Address;
  readonly splitter: Address;
  readonly splitFactory: Address;
  readonly block: number;
}

export function chain(rpcUrl: string) {
  return defineChain({
    id: chainId,
    name: 'Paystream development',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [rpcUrl] } },
  });
}

export function publicClient(rpcUrl: string): PublicClient {
  return createPublicClient({ chain: chain(rpcUrl), transport: http(rpcUrl), pollingInterval: 200 });
}

/** The contracts in the record `path`, when they are still on the chain and are those of today's sources. */
export async function standingDeployment(tools: Tools, rpcUrl: string, path: string): Promise<Deployment | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    await run(tools.deployer, ['local', '--check', '--rpc-url', rpcUrl, '--record', path]);
  } catch {
    return undefined;
  }
  return readDeployment(path);
}

/** Deploys by the program that deploys to public networks. The development chain's first account pays. */
export async function deploy(tools: Tools, rpcUrl: string, path: string): Promise<Deployment> {
  // A record that did not stand is of another build, or of a chain that is gone; the program never replaces one.
  rmSync(path, { force: true });
  await run(tools.deployer, ['local', '--broadcast', '--rpc-url', rpcUrl, '--record', path]);
  return readDeployment(path);
}

function readDeployment(path: string): Deployment {
  const { chainId, registry, splitter, splitFactory, block } = JSON.parse(readFileSync(path, 'utf8')) as Deployment;
  return { chainId, registry, splitter, splitFactory, block };
}
