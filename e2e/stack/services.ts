/** What runs: every service of the stack, with its command line. Pure: it starts nothing. */
import { join } from 'node:path';
import { chainId, mnemonic } from './ethereum.ts';
import type { Ports } from './ports.ts';
import { database, databaseUser, type PostgresHome } from './postgres.ts';
import type { Program } from './supervisor.ts';
import { root, type Tools } from './tools.ts';

export const serviceNames = [
  'postgres',
  'redis',
  'anvil',
  'bitcoind',
  'faucet',
  'indexer',
  'streamer',
  'second-streamer',
  'publisher',
  'web',
] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface Setting {
  readonly tools: Tools;
  readonly ports: Ports;
  readonly paths: Paths;
  readonly postgres: PostgresHome;
  readonly urls: Urls;
  /** The address that services meant for browsers listen on. */
  readonly listenAddress: string;
  /** The address of our media port that browsers are told. */
  readonly announceAddress: string;
  readonly payouts: { readonly provider: string; readonly secondProvider: string };
  /** The video that the demo publishes, and the content that it publishes it as. */
  readonly footage: string;
}

/** Where things lie in the data folder. */
export interface Paths {
  readonly data: string;
  readonly logs: string;
  readonly keys: string;
  readonly web: string;
  readonly deployment: string;
  /** The build of the chain's tokens. */
  readonly token: string;
  readonly bitcoinCookie: string;
  /** The WHIP address of the demo; written when the content is registered. */
  readonly publishUrl: string;
}

export function pathsIn(data: string): Paths {
  return {
    data,
    logs: join(data, 'logs'),
    keys: join(data, 'keys'),
    web: join(data, 'web'),
    deployment: join(data, 'deployments', `${chainId}.json`),
    token: join(data, 'token'),
    bitcoinCookie: join(data, 'bitcoin', 'regtest', '.cookie'),
    publishUrl: join(data, 'publish-url'),
  };
}

export interface Urls {
  readonly web: string;
  readonly indexer: string;
  readonly streamer: string;
  readonly secondStreamer: string;
  readonly ethereum: string;
  readonly bitcoin: string;
  readonly faucet: string;
  readonly database: string;
  readonly redis: string;
}

/** `host` is the name under which browsers reach this machine. */
export function urlsAt(host: string, ports: Ports, databasePassword: string): Urls {
  return {
    web: `http://${host}:${ports.web}`,
    indexer: `http://${host}:${ports.indexer}`,
    streamer: `http://${host}:${ports.streamer}`,
    secondStreamer: `http://${host}:${ports['second-streamer']}`,
    ethereum: `http://${host}:${ports.anvil}`,
    faucet: `http://${host}:${ports.faucet}`,
    bitcoin: `http://127.0.0.1:${ports.bitcoind}`,
    database: `postgres://${databaseUser}:${databasePassword}@127.0.0.1:${ports.postgres}/${database}`,
    redis: `redis://127.0.0.1:${ports.redis}`,
  };
}

/** In the order in which they start; they stop in the reverse one. */
export function programs(setting: Setting): (Program & { readonly name: ServiceName })[] {
  const { tools, ports, paths, postgres, urls, listenAddress, payouts } = setting;
  return [
    {
      name: 'postgres',
      command: [
        join(tools.postgresBin, 'postgres'),
        ...flags({ '-D': postgres.directory, '-p': ports.postgres, '-h': '127.0.0.1' }),
        '--unix_socket_directories=',
      ],
      directory: '/',
      stopSignal: 'INT',
      ...(postgres.owner === undefined ? {} : { user: postgres.owner.name }),
    },
    {
      name: 'redis',
      command: [
        tools.redisServer,
        ...flags({ '--port': ports.redis, '--bind': '127.0.0.1', '--save': '', '--appendonly': 'no', '--dir': paths.data }),
      ],
    },
    {
      name: 'anvil',
      command: [
        tools.anvil,
        ...flags({ '--host': listenAddress, '--port': ports.anvil, '--chain-id': chainId, '--block-time': 1, '--mnemonic': mnemonic }),
        ...flags({ '--state': join(paths.data, 'anvil.json'), '--state-interval': 60 }),
      ],
      stopSignal: 'INT',
    },
    {
      name: 'bitcoind',
      command: [
        tools.bitcoind,
        '-regtest',
        '-server',
        '-txindex',
        `-datadir=${join(paths.data, 'bitcoin')}`,
        `-rpcport=${ports.bitcoind}`,
        '-rpcbind=127.0.0.1',
        '-rpcallowip=127.0.0.1',
        '-listen=0',
        '-dnsseed=0',
        '-dbcache=64',
        '-printtoconsole',
        '-nodebuglogfile',
        '-deprecatedrpc=bip125',
        '-deprecatedrpc=fullrbf',
      ],
    },
    {
      name: 'faucet',
      command: [
        ...[process.execPath, '--import', 'tsx', join(root, 'e2e', 'stack', 'faucet.ts')],
        ...flags({ '--listen': `${listenAddress}:${ports.faucet}`, '--rpc': urls.bitcoin, '--cookie': paths.bitcoinCookie }),
        ...flags({ '--key': join(paths.keys, 'faucet') }),
      ],
      directory: root,
    },
    {
      name: 'indexer',
      command: [
        ...[tools.indexer, 'serve'],
        ...flags({ '--listen': `${listenAddress}:${ports.indexer}`, '--redis-url': urls.redis }),
        ...flags({ '--ethereum-rpc': `http://127.0.0.1:${ports.anvil}`, '--deployment': paths.deployment }),
        ...flags({ '--poll-interval-ms': 250 }),
      ],
      // The address holds the password, and everybody can read command lines.
      environment: { PAYSTREAM_INDEXER_DATABASE_URL: urls.database },
    },
    streamer(setting, {
      name: 'streamer',
      url: urls.streamer,
      port: ports.streamer,
      mediaPort: ports.media,
      key: 'provider',
      payout: payouts.provider,
    }),
    streamer(setting, {
      name: 'second-streamer',
      url: urls.secondStreamer,
      port: ports['second-streamer'],
      mediaPort: ports['second-media'],
      key: 'second-provider',
      payout: payouts.secondProvider,
    }),
    {
      name: 'publisher',
      // The address is known only when the content has been registered.
      command: [
        ...['/bin/sh', '-c', 'exec "$0" publish "$1" "$(cat "$2")" --creator-key-file "$3"'],
        ...[tools.streamer, setting.footage, paths.publishUrl, join(paths.keys, 'creator')],
      ],
    },
    {
      name: 'web',
      command: [
        ...[process.execPath, join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'preview', '--strictPort'],
        ...flags({ '--outDir': paths.web, '--host': listenAddress, '--port': ports.web }),
      ],
      directory: join(root, 'web'),
    },
  ];
}

interface Provider {
  readonly name: 'streamer' | 'second-streamer';
  readonly url: string;
  readonly port: number;
  readonly mediaPort: number;
  readonly key: string;
  readonly payout: string;
}

function streamer(
  { tools, ports, paths, urls, listenAddress, announceAddress }: Setting,
  provider: Provider,
): Program & { readonly name: ServiceName } {
  return {
    name: provider.name,
    command: [
      ...[tools.streamer, 'serve'],
      ...flags({ '--listen': `${listenAddress}:${provider.port}`, '--public-url': provider.url }),
      ...flags({ '--media-listen': `${listenAddress}:${provider.mediaPort}`, '--announce': announceAddress }),
      ...flags({ '--data-dir': join(paths.data, provider.name), '--operator-key-file': join(paths.keys, provider.key) }),
      ...flags({ '--ethereum-rpc': `http://127.0.0.1:${ports.anvil}`, '--deployment': paths.deployment, '--indexer-url': urls.indexer }),
      ...flags({ '--bitcoin-network': 'regtest', '--bitcoin-rpc': urls.bitcoin, '--bitcoin-cookie-file': paths.bitcoinCookie }),
      ...flags({ '--bitcoin-payout': provider.payout, '--operator-token-file': operatorTokenFile(paths, provider.name) }),
      ...flags({ '--relay-token': 'any' }),
    ],
  };
}

/** The file with the token that opens what a streamer's operator may do over HTTP. */
export const operatorTokenFile = (paths: Paths, service: 'streamer' | 'second-streamer'): string =>
  join(paths.keys, `${service}-operator-token`);

const flags = (values: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(values).flatMap(([flag, value]) => [flag, `${value}`]);
