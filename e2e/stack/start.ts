/** Brings the whole stack up, in the order in which its parts need each other. A second start goes on with the same data. */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type BitcoinKey, BitcoinRpc, keptBitcoinKey } from './bitcoin.ts';
import { accounts, deploy, standingDeployment } from './ethereum.ts';
import { buildPage, configurePage } from './page.ts';
import { fixedPorts, freePorts, type Ports } from './ports.ts';
import { type PostgresHome, postgresHome, preparePostgres, removePostgres } from './postgres.ts';
import { type StackRecord, writeRecord } from './record.ts';
import { stopRuns } from './run.ts';
import { footagePath, seed } from './seed.ts';
import { ServiceControl } from './service-control.ts';
import { operatorTokenFile, type Paths, pathsIn, programs, type ServiceName, urlsAt } from './services.ts';
import { Stack } from './stack.ts';
import { seedStored } from './stored.ts';
import { OwnSupervisor } from './supervisor.ts';
import { provideTokens } from './token.ts';
import { findTools, root, type Tools } from './tools.ts';

export interface StackOptions {
  readonly dataDir: string;
  /** The ports of development, some of them replaced; or free ones. */
  readonly ports: Partial<Ports> | 'free';
  /** The name or address under which browsers reach this machine. Without it, the stack is for this machine alone. */
  readonly host?: string;
  /** Throws away what earlier starts have left. */
  readonly reset?: boolean;
  /** Whether a service that crashes is started again. Journeys that kill services do not want that. */
  readonly restart: boolean;
}

/** A stack of our own: it ends when we end it. */
export class OwnStack extends Stack {
  readonly #supervisor: OwnSupervisor;

  constructor(record: StackRecord, supervisor: OwnSupervisor) {
    super(record, supervisor);
    this.#supervisor = supervisor;
  }

  async shutdown(): Promise<void> {
    await this.#supervisor.shutdown();
  }
}

/** Regtest's first coins can be spent after a hundred blocks; so many lie above that. */
const FIRST_BLOCKS = 150;

/**
 * Starts everything and returns when the demo plays. `report` gets a line for each step. When `signal` aborts, or a step
 * fails, everything that has been started is stopped before the error is thrown.
 */
export async function startStack(options: StackOptions, report: (line: string) => void, signal?: AbortSignal): Promise<OwnStack> {
  const tools = findTools();
  const paths = pathsIn(resolve(options.dataDir));
  const postgres = postgresHome(paths.data);
  refuseSecondStart(paths);
  if (options.reset === true) clear(paths, postgres);
  // The database's own user must be able to pass through; what is secret is closed to others by itself.
  for (const directory of [paths.data, paths.logs, paths.keys, dirname(paths.deployment), join(paths.data, 'bitcoin')])
    mkdirSync(directory, { recursive: true });
  chmodSync(paths.keys, 0o700);

  const listenAddress = options.host === undefined ? '127.0.0.1' : '0.0.0.0';
  const ports = options.ports === 'free' ? await freePorts() : await fixedPorts(options.ports, listenAddress);
  const urls = urlsAt(options.host ?? '127.0.0.1', ports, keptSecret(join(paths.keys, 'database')));
  const payouts = {
    creator: payout(paths, 'creator'),
    provider: payout(paths, 'provider'),
    secondProvider: payout(paths, 'second-provider'),
  };
  keepEthereumKeys(paths);
  const operatorTokens = {
    streamer: keptSecret(operatorTokenFile(paths, 'streamer')),
    secondStreamer: keptSecret(operatorTokenFile(paths, 'second-streamer')),
  };
  const setting = {
    ...{ tools, ports, paths, postgres, urls, listenAddress },
    announceAddress: options.host === undefined ? '127.0.0.1' : (await lookup(options.host, { family: 4 })).address,
    payouts: { provider: payouts.provider.address, secondProvider: payouts.secondProvider.address },
    footage: join(root, footagePath),
  };

  const supervisor = await OwnSupervisor.launch(tools.supervisord, programs(setting), {
    folder: paths.data,
    logs: paths.logs,
    restart: options.restart,
  });
  const aborted = new Promise<never>((_, reject) =>
    signal?.addEventListener('abort', () => reject(new Error('interrupted')), { once: true }),
  );
  aborted.catch(() => undefined);
  try {
    const known = {
      dataDir: paths.data,
      supervisor: { pid: supervisor.pid, socket: supervisor.socket },
      ...{ ports, urls, accounts, operatorTokens },
      bitcoin: { cookieFile: paths.bitcoinCookie, payouts },
    };
    return await Promise.race([aborted, bringUp(known, supervisor, { tools, paths, postgres, report })]);
  } catch (error) {
    stopRuns();
    await supervisor.shutdown();
    throw error;
  }
}

interface Work {
  readonly tools: Tools;
  readonly paths: Paths;
  readonly postgres: PostgresHome;
  readonly report: (line: string) => void;
}

async function bringUp(
  known: Omit<StackRecord, 'deployment' | 'token' | 'permitToken' | 'content' | 'stored'>,
  supervisor: OwnSupervisor,
  work: Work,
): Promise<OwnStack> {
  const { tools, paths, postgres, report } = work;
  const { ports, urls } = known;
  const control = new ServiceControl(known.dataDir, ports, urls, supervisor);
  const up = (service: ServiceName): Promise<void> => step(report, `${service} is ready`, () => control.start(service));
  await up('anvil');
  const rpcUrl = `http://127.0.0.1:${ports.anvil}`;
  let deployment = await standingDeployment(tools, rpcUrl, paths.deployment);
  if (deployment === undefined) {
    // The database is nothing but the mirror of a chain; another chain needs another one.
    removePostgres(postgres);
    deployment = await step(report, 'deployed the contracts', () => deploy(tools, rpcUrl, paths.deployment));
  }
  const page = step(report, 'built the page', () => buildPage(paths.web));
  const tokensInPlace = step(report, 'the tokens are in place', () => provideTokens(rpcUrl, paths.token));
  for (const work of [page, tokensInPlace]) work.catch(() => undefined);
  await preparePostgres(tools, postgres, keptSecret(join(paths.keys, 'database')));
  const bitcoin = async (): Promise<void> => {
    await up('bitcoind');
    await up('faucet');
    await mineFirstBlocks(new BitcoinRpc(urls.bitcoin, paths.bitcoinCookie), paths);
  };
  await Promise.all([up('postgres'), up('redis'), bitcoin()]);
  await Promise.all([up('indexer'), up('streamer')]);

  const streamerUrl = `http://127.0.0.1:${ports.streamer}`;
  const { script } = known.bitcoin.payouts.creator;
  const content = await step(report, 'registered the demo', () => seed(rpcUrl, streamerUrl, deployment, script));
  writeFileSync(paths.publishUrl, `${urls.streamer}/whip/${content.contentId}`);
  const { token, permitToken } = await tokensInPlace;
  await page;
  configurePage(paths.web, urls, deployment, [token, permitToken]);
  // Not beside the page's build: both keep the processor busy.
  const operatorToken = known.operatorTokens.streamer;
  const stored = await step(report, 'stored the demo', () => seedStored({ rpcUrl, streamerUrl, operatorToken, deployment, token }));
  const record = { ...known, deployment, token, permitToken, content, stored };
  writeRecord(record);
  const stack = new OwnStack(record, supervisor);
  const demo = async (): Promise<void> => {
    await stack.start('publisher');
    await step(report, 'the demo is live', () => stack.waitUntilLive());
  };
  await Promise.all([up('web'), demo()]);
  return stack;
}

async function step<T>(report: (line: string) => void, what: string, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  const result = await work();
  report(`${what} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  return result;
}

async function mineFirstBlocks(node: BitcoinRpc, paths: Paths): Promise<void> {
  const { blocks, time } = await node.call<{ blocks: number; time: number }>('getblockchaininfo');
  // A node whose newest block is old believes that it is still catching up.
  const needed = blocks < FIRST_BLOCKS ? FIRST_BLOCKS - blocks : Date.now() / 1000 - time > 3_600 ? 1 : 0;
  if (needed > 0) await node.call('generatetoaddress', needed, keptBitcoinKey(join(paths.keys, 'faucet')).address);
}

function refuseSecondStart(paths: Paths): void {
  const pidFile = join(paths.data, 'supervisord.pid');
  if (!existsSync(pidFile)) return;
  const pid = readFileSync(pidFile, 'utf8').trim();
  const command = `/proc/${pid}/cmdline`;
  if (existsSync(command) && readFileSync(command, 'utf8').includes(join(paths.data, 'supervisord.conf'))) {
    throw new Error(`a stack with the data in ${paths.data} is running already: stop it with Ctrl-C in its terminal, or with: kill ${pid}`);
  }
}

function clear(paths: Paths, postgres: PostgresHome): void {
  removePostgres(postgres);
  rmSync(paths.data, { recursive: true, force: true });
}

function payout(paths: Paths, name: string): Pick<BitcoinKey, 'address' | 'script'> {
  const { address, script } = keptBitcoinKey(join(paths.keys, `${name}-payout`));
  return { address, script };
}

function keepEthereumKeys(paths: Paths): void {
  const files = { creator: accounts.creator, provider: accounts.provider, 'second-provider': accounts.secondProvider };
  for (const [name, { privateKey }] of Object.entries(files)) writeFileSync(join(paths.keys, name), privateKey, { mode: 0o600 });
}

function keptSecret(path: string): string {
  if (!existsSync(path)) writeFileSync(path, randomBytes(16).toString('hex'), { mode: 0o600 });
  return readFileSync(path, 'utf8');
}
