/** When a service is ready: it does its work, and does not only run. */
import { connect } from 'node:net';
import { BitcoinRpc } from './bitcoin.ts';
import type { Ports } from './ports.ts';
import { isPostgresReady, type PostgresHome } from './postgres.ts';
import type { Paths, ServiceName, Urls } from './services.ts';

export interface Probed {
  readonly ports: Ports;
  readonly urls: Urls;
  readonly paths: Paths;
  readonly postgres: PostgresHome;
}

export async function isReady(service: ServiceName, pid: number, { ports, urls, paths, postgres }: Probed): Promise<boolean> {
  switch (service) {
    case 'postgres':
      return isPostgresReady(postgres, pid);
    case 'redis':
      return (await exchange(ports.redis, 'PING\r\n')).startsWith('+PONG');
    case 'anvil':
      return answers(`http://127.0.0.1:${ports.anvil}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}',
      });
    case 'bitcoind':
      return (await new BitcoinRpc(urls.bitcoin, paths.bitcoinCookie).call<number>('getblockcount')) >= 0;
    case 'faucet':
      return answers(`http://127.0.0.1:${ports.faucet}/health`);
    case 'indexer':
      return answers(`http://127.0.0.1:${ports.indexer}/ready`);
    case 'streamer':
      return answers(`http://127.0.0.1:${ports.streamer}/ready`);
    case 'second-streamer':
      return answers(`http://127.0.0.1:${ports['second-streamer']}/ready`);
    case 'publisher':
      // It is the streamer that knows whether a stream is live: see `waitUntilLive`.
      return true;
    case 'web':
      return answers(`http://127.0.0.1:${ports.web}/config.json`);
  }
}

/** Whether the indexer shows the content and the streamer offers it live. */
export async function isLive(urls: Urls, contentId: string): Promise<boolean> {
  const offer = await fetch(`${urls.streamer}/v1/contents/${contentId}/offer`, { signal: AbortSignal.timeout(5_000) });
  if (offer.status !== 200) throw new Error(`the streamer's offer answers ${offer.status}: ${await offer.text()}`);
  if (((await offer.json()) as { live: boolean }).live !== true) throw new Error('the offer says that nobody is publishing');
  const indexed = await fetch(`${urls.indexer}/v1/contents/${contentId}`, { signal: AbortSignal.timeout(5_000) });
  if (indexed.status !== 200) throw new Error(`the indexer answers ${indexed.status} for the content`);
  return true;
}

async function answers(url: string, init?: RequestInit): Promise<boolean> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}: ${(await response.text()).slice(0, 400)}`);
  await response.body?.cancel();
  return true;
}

/** Sends a line over TCP and returns the first that comes back. */
function exchange(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(line));
    socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
}
