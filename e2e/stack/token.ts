/**
 * The tokens of the local chain, which anybody may mint: one offers what USDC does (EIP-2612, EIP-3009), the other one permits alone
 * (EIP-2612). Their addresses follow from their code, so that doing it again finds them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Address, createWalletClient, getCreate2Address, type Hex, http, parseAbi, parseUnits } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { accounts, chain, publicClient } from './ethereum.ts';
import { run } from './run.ts';
import { root } from './tools.ts';

/** As the page's settings name a token (docs/web-config.md). */
export interface Token {
  readonly address: Address;
  readonly symbol: string;
  readonly name: string;
  readonly decimals: number;
  readonly version: string;
}

/** Every development chain has it; paystream-deploy uses it too. */
const create2Deployer = '0x4e59b44847b379578588920cA78FbF26c0B4956C';
const salt: Hex = `0x${'00'.repeat(32)}`;
const contracts = ['UsdLikeToken', 'MintableToken'] as const;

const abi = parseAbi([
  'function mint(address to, uint256 amount)',
  'function balanceOf(address account) view returns (uint256)',
  'function name() view returns (string)',
  'function symbol() view returns (string)',
  'function decimals() view returns (uint8)',
  'function version() view returns (string)',
]);

export interface Tokens {
  /** A payment is one signature: an authorisation. */
  readonly token: Token;
  /** A payment is a permit and a signed view. */
  readonly permitToken: Token;
}

/** Deploys the tokens unless they stand, and mints to the viewers of the demo what they lack. `folder` keeps the build. */
export async function provideTokens(rpcUrl: string, folder: string): Promise<Tokens> {
  const [authorizing, permitting] = await compile(folder);
  return { token: await provide(rpcUrl, authorizing), permitToken: await provide(rpcUrl, permitting) };
}

async function provide(rpcUrl: string, bytecode: Hex): Promise<Token> {
  const client = publicClient(rpcUrl);
  const account = privateKeyToAccount(accounts.deployer.privateKey);
  const wallet = createWalletClient({ account, chain: chain(rpcUrl), transport: http(rpcUrl) });
  const confirmed = async (what: string, hash: Hex): Promise<void> => {
    const { status } = await client.waitForTransactionReceipt({ hash, timeout: 30_000 });
    if (status !== 'success') throw new Error(`${what} was reverted (${hash})`);
  };

  const address = getCreate2Address({ from: create2Deployer, salt, bytecode });
  if ((await client.getCode({ address })) === undefined) {
    const data: Hex = `${salt}${bytecode.slice(2)}`;
    await confirmed('the deployment of the token', await wallet.sendTransaction({ to: create2Deployer, data }));
  }
  const token = { address, abi } as const;
  const decimals = await client.readContract({ ...token, functionName: 'decimals' });
  const purse = parseUnits('1000', decimals);
  for (const { address: viewer } of [accounts.tokenViewer, accounts.viewer]) {
    const balance = await client.readContract({ ...token, functionName: 'balanceOf', args: [viewer] });
    if (balance >= purse / 2n) continue;
    await confirmed('mint', await wallet.writeContract({ ...token, functionName: 'mint', args: [viewer, purse - balance] }));
  }
  return {
    address,
    symbol: await client.readContract({ ...token, functionName: 'symbol' }),
    name: await client.readContract({ ...token, functionName: 'name' }),
    decimals,
    // EIP-2612 has no such function; where there is none, the domain says 1.
    version: await client.readContract({ ...token, functionName: 'version' }).catch(() => '1'),
  };
}

/** Forge, with folders of its own: the page's build runs another one at the same time. */
async function compile(folder: string): Promise<[Hex, Hex]> {
  const out = join(folder, 'out');
  const sources = contracts.map((contract) => `contracts/test/tokens/${contract}.sol`);
  await run(join(root, 'contracts', 'forge'), ['build', ...sources, '--out', out, '--cache-path', join(folder, 'cache')]);
  const built = (contract: string): Hex => {
    const artefact = JSON.parse(readFileSync(join(out, `${contract}.sol`, `${contract}.json`), 'utf8')) as { bytecode: { object: Hex } };
    return artefact.bytecode.object;
  };
  return [built(contracts[0]), built(contracts[1])];
}
