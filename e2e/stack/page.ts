/** The web page of the stack: a build with the development wallet and faucet in it, and the settings that it fetches. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accounts, chainId, type Deployment } from './ethereum.ts';
import { run } from './run.ts';
import type { Urls } from './services.ts';
import type { Token } from './token.ts';

export async function buildPage(directory: string): Promise<void> {
  await run('npm', ['run', 'abi']);
  await run('npm', [
    'run',
    'build',
    '--workspace',
    'web',
    '--',
    '--mode',
    'devnet',
    '--outDir',
    directory,
    '--emptyOutDir',
    '--logLevel',
    'warn',
  ]);
}

export function configurePage(directory: string, urls: Urls, deployment: Deployment, tokens: readonly Token[]): void {
  const config = {
    chain: { id: chainId, name: 'Paystream development', rpcUrl: urls.ethereum },
    registry: deployment.registry,
    splitter: deployment.splitter,
    indexerUrl: urls.indexer,
    bitcoin: { network: 'regtest', esploraUrl: null },
    tokens,
    dev: {
      faucetUrl: urls.faucet,
      wallets: [
        { name: 'Creator', privateKey: accounts.creator.privateKey },
        { name: 'Viewer', privateKey: accounts.viewer.privateKey },
        { name: 'Token holder', privateKey: accounts.tokenViewer.privateKey },
        { name: 'Provider', privateKey: accounts.provider.privateKey },
      ],
    },
  };
  writeFileSync(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}
