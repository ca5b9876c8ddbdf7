/**
 * What the page talks to, answered in the shapes of docs/protocol.md and the indexer's OpenAPI document: its host, an indexer, a provider
 * with its chain server, and an Ethereum endpoint, on one port. The page itself is the real build in a real browser.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Hex } from 'viem';
import { providerSecret, scripts, termsToJson, termsWith } from '../../src/bitcoin/fixture.ts';
import { fundingAddress } from '../../src/bitcoin/funding.ts';
import { publicKeyOf } from '../../src/bitcoin/signature.ts';
import { channelId } from '../../src/bitcoin/terms.ts';
import type { BitcoinNetwork } from '../../src/config.ts';
import type { Film } from './film.ts';

export const contentId = `0x${'c0'.repeat(32)}`;
export const chainId = 11_155_111;
/** Of creator and provider. */
export const account = `0x${'ab'.repeat(20)}`;
const types: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const terms = termsToJson(termsWith());
/** Of the Bitcoin rail, in msat a second. */
export const rate = BigInt(terms.msat_per_second);

export class Surroundings {
  live = true;
  network: BitcoinNetwork = 'regtest';
  tip = 200;
  utxos: { txid: string; vout: number; value: number; status: { confirmed: boolean; block_height: number } }[] = [];
  /** In sat a virtual byte, for each target in blocks. */
  fees: Record<string, number> = {};
  readonly broadcast: string[] = [];
  /** Of the content, at other providers. */
  otherStreams: { provider: string; url: string; liveness: string; viewers: number | null }[] = [];
  /** Another provider than the one of these surroundings. */
  providerUrl: string | null = null;
  tokens: object[] = [];
  /** In place of those of the content. */
  terms: object = {};
  creator = account;
  metadataUri = '';
  /** What the indexer answers about views, newest first. */
  views: { viewer: string; provider: string; timestamp: string }[] = [];
  /** Until when the indexer thinks about them. */
  viewsHeld: Promise<void> | null = null;
  /** What `eth_call` answers, by the function's selector; nothing but zeros otherwise. */
  readonly calls = new Map<string, Hex>();
  /** The same for one call, by selector and last argument. */
  readonly callsWith = new Map<string, Hex>();
  /** Whether a transaction is in a block as soon as it is asked for; none is known at all otherwise. */
  mined = true;
  /** How many transactions the node knows of each account, and how many of them are in a block. */
  transactions = { known: 1, mined: 1 };
  logs: object[] = [];
  /** A stored video in the place of the live stream. */
  film: Film | null = null;
  #channel: ReturnType<typeof open> | null = null;
  readonly #server: Server;
  readonly #dist: string;

  constructor(dist: string) {
    this.#dist = dist;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    // For a page of other surroundings.
    response.setHeader('access-control-allow-origin', '*');
    if (this.film !== null && pathname.startsWith('/provider/ipfs/')) {
      await this.film.answer(pathname.slice('/provider/ipfs/'.length), searchParams.get('entity-bytes'), request, response);
      return;
    }
    const body = await new Promise<string>((resolve) => {
      let text = '';
      request.on('data', (chunk) => {
        text += String(chunk);
      });
      request.on('end', () => resolve(text));
    });
    if (pathname.endsWith('/views')) await this.viewsHeld;
    const [status, answer] = this.#route(pathname, body, searchParams);
    if (answer instanceof Uint8Array) {
      response.writeHead(status, { 'content-type': types[extname(pathname)] ?? 'text/html' }).end(answer);
    } else {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    }
  }

  #route(path: string, body: string, query: URLSearchParams): readonly [number, unknown] {
    if (path === '/config.json') return [200, this.#config()];
    if (path === '/rpc') return [200, this.#rpc(JSON.parse(body))];
    if (path === `/indexer/v1/contents`) return [200, { items: [this.#content()], next_cursor: null }];
    if (path === `/indexer/v1/contents/${contentId}`) return [200, this.#content()];
    if (path === `/indexer/v1/contents/${contentId}/streams`)
      return [200, { items: [this.#stream(), ...this.otherStreams], next_cursor: null }];
    if (path === `/indexer/v1/contents/${contentId}/views`) return [200, this.#viewPage(query)];
    if (path.startsWith('/indexer/v1/accounts/')) return [200, { tokens: [], credits: [], claims: [] }];
    if (path === `/provider/v1/contents/${contentId}/offer`) return [200, this.#offer()];
    if (path === '/provider/v1/channels') {
      this.#channel = open(JSON.parse(body) as { viewer_key: string; change_script: string });
      return [201, this.#channel];
    }
    if (/^\/provider\/v1\/channels\/\w+(\/funding)?$/.test(path) && this.#channel !== null) {
      return [200, { ...this.#channel, state: 'open', capacity_sat: '100000', confirmations: 1 }];
    }
    if (path === '/provider/esplora/blocks/tip/height') return [200, this.tip];
    if (path.endsWith('/utxo')) return [200, this.utxos];
    if (path.endsWith('/fee-estimates')) return [200, this.fees];
    if (path === '/provider/esplora/tx') {
      this.broadcast.push(body);
      return [200, 'ab'.repeat(32)];
    }
    if (/outspend/.test(path)) return [200, { spent: false }];
    try {
      return [200, readFileSync(join(this.#dist, path === '/' ? 'index.html' : path))];
    } catch {
      return [404, { code: 'not_found', detail: `nothing is at ${path}` }];
    }
  }

  /** As the indexer answers: a viewer's alone when one is named, and no more than were asked for. */
  #viewPage(query: URLSearchParams) {
    const viewer = query.get('viewer')?.toLowerCase();
    const items = this.views.filter((view) => viewer === undefined || view.viewer.toLowerCase() === viewer);
    return { items: items.slice(0, Number(query.get('limit') ?? 50)), next_cursor: null };
  }

  #config() {
    return {
      chain: { id: chainId, name: 'Sepolia', rpcUrl: `${this.url}/rpc` },
      registry: account,
      splitter: account,
      indexerUrl: `${this.url}/indexer`,
      bitcoin: { network: this.network, esploraUrl: this.network === 'regtest' ? null : `${this.url}/provider/esplora` },
      tokens: this.tokens,
    };
  }

  #content() {
    const place = {
      block_number: 1,
      block_hash: `0x${'00'.repeat(32)}`,
      timestamp: '2026-01-01T00:00:00Z',
      transaction_hash: `0x${'00'.repeat(32)}`,
    };
    return {
      content_id: contentId,
      creator: this.creator,
      cid: this.film?.cid ?? 'bafkrei',
      name: 'A concert',
      metadata_uri: this.metadataUri,
      active: true,
      terms: {
        token: `0x${'00'.repeat(20)}`,
        payout: account,
        creator_share_bps: terms.creator_share_bps,
        price_per_view: '1000000000000000',
        price_per_second: '0',
        msat_per_second: terms.msat_per_second,
        ...this.terms,
      },
      bitcoin_payout: terms.creator_script,
      registered: place,
      updated: place,
      views: 3,
      live: this.film === null && this.live,
    };
  }

  #stream() {
    const url = this.providerUrl ?? `${this.url}/provider`;
    const live = this.film === null && this.live;
    return { provider: account, url, liveness: live ? 'live' : 'offline', viewers: live ? 1 : null };
  }

  #rpc({ id, method, params }: { id: number; method: string; params?: readonly unknown[] }) {
    return { jsonrpc: '2.0', id, result: this.#ethereum(method, params ?? []) };
  }

  #ethereum(method: string, params: readonly unknown[]): unknown {
    switch (method) {
      case 'eth_chainId':
        return `0x${chainId.toString(16)}`;
      case 'eth_call':
        return this.#called((params[0] as { data: Hex }).data);
      case 'eth_getTransactionReceipt':
        return this.mined ? receipt(params[0] as Hex) : null;
      case 'eth_getTransactionByHash':
        return this.mined ? '0x1' : null;
      case 'eth_getTransactionCount':
        return `0x${(params[1] === 'pending' ? this.transactions.known : this.transactions.mined).toString(16)}`;
      case 'eth_getLogs':
        return this.logs;
      default:
        return '0x1';
    }
  }

  #called(data: Hex): Hex {
    const selector = data.slice(0, 10);
    return this.callsWith.get(`${selector} 0x${data.slice(-64)}`) ?? this.calls.get(selector) ?? `0x${'00'.repeat(32)}`;
  }

  #offer() {
    return {
      protocol: 1,
      content_id: contentId,
      provider: account,
      live: this.film === null && this.live,
      stored: this.film?.offer() ?? null,
      tick_ms: 1000,
      rails: {
        bitcoin: {
          network: 'regtest',
          msat_per_second: terms.msat_per_second,
          creator_share_bps: terms.creator_share_bps,
          creator_script: terms.creator_script,
          provider_script: terms.provider_script,
          fee_sat: terms.fee_sat,
          min_capacity_sat: '3160',
          preview_ms: 10_000,
          min_confirmations: 1,
          expiry_height: terms.expiry_height,
        },
      },
    };
  }
}

/** Of a transaction that succeeded in the first block. */
function receipt(transactionHash: Hex) {
  return {
    transactionHash,
    transactionIndex: '0x0',
    blockHash: `0x${'00'.repeat(32)}`,
    blockNumber: '0x1',
    from: account,
    to: account,
    contractAddress: null,
    cumulativeGasUsed: '0x1',
    gasUsed: '0x1',
    effectiveGasPrice: '0x1',
    logs: [],
    logsBloom: `0x${'00'.repeat(256)}`,
    status: '0x1',
    type: '0x2',
  };
}

/** A provider's answer to the opening of a channel. */
function open(request: { viewer_key: string; change_script: string }) {
  const agreed = termsWith({
    viewer_key: request.viewer_key,
    change_script: request.change_script,
    provider_key: Buffer.from(publicKeyOf(providerSecret)).toString('hex'),
  });
  return {
    channel_id: channelId(agreed),
    state: 'awaiting_funding',
    terms: termsToJson(agreed),
    address: fundingAddress(agreed),
    funding: [],
    capacity_sat: '0',
    confirmations: 0,
    sequence: 0,
    paid_sat: '0',
    closing_txid: null,
  };
}

/** The viewer's own address and its script. */
export const change = { address: 'bcrt1qqvpsxqcrqvpsxqcrqvpsxqcrqvpsxqcruj60yu', script: scripts.p2wpkh };
