/** The local chain: its accounts, and the contracts deployed to it. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Address, createPublicClient, defineChain, type Hex, http, type PublicClient, toHex } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { run } from './run.ts';
import { root, type Tools } from './tools.ts';

export const chainId = 31337;
/** anvil's and every other development chain's: worth nothing, known to everybody. */
export const mnemonic = 'test test test test test test test test test test test junk';

export interface EthereumAccount {
  readonly address: Address;
  readonly privateKey: Hex;
}

const roles = ['deployer', 'creator', 'provider', 'viewer', 'secondProvider'] as const;
export type Role = (typeof roles)[number];

export const accounts = Object.fromEntries(
  roles.map((role, addressIndex) => {
    const account = mnemonicToAccount(mnemonic, { addressIndex });
    const key = account.getHdKey().privateKey;
    if (key === null) throw new Error('a key derived from a mnemonic is never public only');
    return [role, { address: account.address, privateKey: toHex(key) }];
  }),
) as unknown as Readonly<Record<Role, EthereumAccount>>;

/** What the deploy script writes. */
export interface Deployment {
  readonly chainId: number;
  readonly registry: Address;
  readonly splitter: Address;
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

/** The contracts in `path`, when they are still on the chain and are those of today's sources. */
export async function standingDeployment(rpcUrl: string, path: string): Promise<Deployment | undefined> {
  if (!existsSync(path)) return undefined;
  const { sources, ...deployment } = JSON.parse(readFileSync(path, 'utf8')) as Deployment & { sources?: string };
  if (sources !== (await sourcesHash())) return undefined;
  const code = await publicClient(rpcUrl).getCode({ address: deployment.registry });
  return code === undefined ? undefined : deployment;
}

/** Runs the deploy script, the same that deploys to public networks. `path` takes the record, `scratch` what forge leaves behind. */
export async function deploy(tools: Tools, rpcUrl: string, path: string, scratch: string): Promise<Deployment> {
  await run(
    tools.forge,
    ['script', 'contracts/script/Deploy.s.sol', '--rpc-url', rpcUrl, '--broadcast', '--private-key', accounts.deployer.privateKey],
    {
      env: { PAYSTREAM_DEPLOYMENT_OUT: path, FOUNDRY_BROADCAST: scratch },
    },
  );
  if (!existsSync(path)) throw new Error(`the deploy script wrote no ${path}`);
  return JSON.parse(readFileSync(path, 'utf8')) as Deployment;
}

/** Stands for the contracts as compiled now. */
export async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const contract of ['StreamRegistry', 'EarningsSplitter']) {
    const artefact = join(root, 'contracts', 'out', `${contract}.sol`, `${contract}.json`);
    hash.update(
      existsSync(artefact) ? (JSON.parse(readFileSync(artefact, 'utf8')) as { bytecode: { object: string } }).bytecode.object : 'absent',
    );
  }
  return hash.digest('hex');
}
