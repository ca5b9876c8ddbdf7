/** The command line of the stack: starts it, prints where everything is, and stops it on Ctrl-C. Called by scripts/dev. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { developmentPorts, type PortName, type Ports } from './ports.ts';
import { type OwnStack, startStack } from './start.ts';
import { root } from './tools.ts';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string', default: join(root, '.dev') },
      host: { type: 'string' },
      reset: { type: 'boolean', default: false },
      ...Object.fromEntries(Object.keys(developmentPorts).map((name) => [`${name}-port`, { type: 'string' as const }])),
    },
  });
  const interrupt = new AbortController();
  const interrupted = new Promise<void>((resolve) => interrupt.signal.addEventListener('abort', () => resolve(), { once: true }));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort());

  const options = {
    dataDir: values.data,
    ports: chosenPorts(values),
    reset: values.reset,
    restart: true,
    ...(values.host === undefined ? {} : { host: values.host }),
  };
  const stack = await startStack(options, (line) => console.log(`  ${line}`), interrupt.signal);
  console.log(guide(stack));
  await interrupted;
  console.log('\nstopping');
  await stack.shutdown();
  console.log(`stopped; the data stays in ${resolve(values.data)}`);
}

function chosenPorts(values: Record<string, unknown>): Partial<Ports> {
  const chosen: Partial<Record<PortName, number>> = {};
  for (const name of Object.keys(developmentPorts) as PortName[]) {
    const value = values[`${name}-port`];
    if (value === undefined) continue;
    const port = Number(value);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`--${name}-port must be a port number between 1 and 65535`);
    chosen[name] = port;
  }
  return chosen;
}

function guide({ record, paths }: OwnStack): string {
  const { urls, content, stored } = record;
  return `
Paystream is ready.

  Watch      ${urls.web}/#/content/${content.contentId}
             Pay from any regtest wallet, or press "fund from the dev faucet".
  Stored     ${urls.web}/#/content/${stored.contentId}
             The same as a file. Or buy the view: wallet "Token holder", one signature, no ether.
  Studio     ${urls.web}/#/studio        (wallets "Creator", "Viewer" and "Provider" are built into this page)
  Earnings   ${urls.web}/#/earnings

  APIs       ${urls.indexer}/docs   ${urls.streamer}/docs
  Ethereum   ${urls.ethereum}   chain id ${record.deployment.chainId}
  Bitcoin    ${urls.bitcoin}   regtest; faucet: ${urls.faucet}
  Logs       ${paths.logs}/   everything else: ${join(record.dataDir, 'stack.json')}

  Ctrl-C stops everything. The next ./scripts/dev goes on with the same data; with --reset it starts afresh.
`;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : error}`);
    process.exit(1);
  },
);
