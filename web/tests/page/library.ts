/**
 * A provider with a library, on an origin of its own, in the shapes of docs/protocol.md (sections 11 to 14) and tus 1.0: sign-in with
 * signatures that are really checked, uploads that may break, items whose state the test decides, relays, passes, and blocks.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Address, getAddress, type Hex, verifyMessage } from 'viem';

export interface StoredItem {
  item_id: string;
  state: string;
  progress_permille: number;
  title: string;
  description: string;
  cid: string | null;
  metadata_cid: string | null;
  error: { code: string; detail: string } | null;
  size: number;
  offset: number;
  digest: ReturnType<typeof createHash>;
}

type Answer = readonly [status: number, body: unknown];

const allowed = 'authorization, content-type, tus-resumable, upload-length, upload-metadata, upload-offset, accept';
const exposed = 'location, upload-offset, upload-length, tus-resumable';

export class Library {
  readonly items: StoredItem[] = [];
  readonly blocks = new Map<string, Uint8Array>();
  readonly registered: string[] = [];
  readonly payments: { method: string; signature: Hex; [field: string]: unknown }[] = [];
  readonly requests: string[] = [];
  /** In place of this provider's own domain. */
  domain: string | null = null;
  /** The line breaks once when so many bytes of the upload have come. */
  breaksAt: number | null = null;
  /** So many bytes are taken, and nothing is answered any more. */
  holdsAt: number | null = null;
  /** When a piece has arrived whole. */
  onPiece: (() => void) | null = null;
  /** What `/register` answers before it agrees. */
  registerProblems: Answer[] = [];
  relayProblem: Answer | null = null;
  relay: { state: string; detail: string | null } = { state: 'pending', detail: null };
  /** When a payment has come. */
  onRelay: (() => void) | null = null;
  /** Whether the view is on chain. */
  viewFound = false;
  chainId = 0;
  readonly #challenges = new Map<string, Address>();
  readonly #tokens = new Set<string>();
  readonly #server: Server;

  constructor() {
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

  /** As after the provider's restart. */
  forgetTokens(): void {
    this.#tokens.clear();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    const { method = 'GET' } = request;
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-expose-headers', exposed);
    if (method === 'OPTIONS') {
      response.setHeader('access-control-allow-methods', 'GET, POST, DELETE, PATCH, HEAD');
      response.setHeader('access-control-allow-headers', allowed);
      return void response.writeHead(204).end();
    }
    this.requests.push(`${method} ${pathname}`);
    if (pathname.startsWith('/v1/uploads')) return this.#tus(method, pathname, request, response);
    const [status, body] = await this.#route(method, pathname, request);
    if (body instanceof Uint8Array) return void response.writeHead(status, { 'content-type': 'application/vnd.ipld.raw' }).end(body);
    const type = status < 400 ? 'application/json' : 'application/problem+json';
    response.writeHead(status, { 'content-type': type }).end(status === 204 ? undefined : JSON.stringify(body));
  }

  async #route(method: string, path: string, request: IncomingMessage): Promise<Answer> {
    const block = this.blocks.get(path.replace('/ipfs/', ''));
    if (block !== undefined) return [200, block];
    if (path.startsWith('/ipfs/')) return problem(404, 'not_found', 'there is no such block');
    const body = method === 'POST' ? JSON.parse(await textOf(request)) : {};
    if (path === '/v1/challenges') return [200, this.#challenge(body)];
    if (path === '/v1/tokens' || path === '/v1/view-passes') return this.#exchange(path, body);
    if (path === '/api/record-view') return this.#relay(body);
    if (path.startsWith('/api/record-view/')) return [200, this.#relayState()];
    if (!this.#authorised(request)) return problem(401, 'unauthorized', 'the token is missing, wrong or expired');
    if (path === '/v1/items') return [200, this.items.map(shown)];
    if (path === '/register') return this.#register(body);
    const item = this.items.find(({ item_id }) => path === `/v1/items/${item_id}`);
    if (item === undefined) return problem(404, 'not_found', 'there is no such path');
    if (method === 'DELETE') {
      this.items.splice(this.items.indexOf(item), 1);
      return [204, null];
    }
    return [200, shown(item)];
  }

  #challenge({ address, purpose, content_id }: { address: Address; purpose: string; content_id?: string }) {
    const host = new URL(this.url).host;
    const message =
      `${this.domain ?? host} wants you to sign in with your Ethereum account:\n${getAddress(address)}\n\n` +
      `Upload videos to this provider, and manage them.\n\nURI: ${this.url}\nVersion: 1\nChain ID: ${this.chainId}\n` +
      `Nonce: ${createHash('sha256').update(String(this.#challenges.size)).digest('hex').slice(0, 32)}\n` +
      `Issued At: 2026-01-01T00:00:00Z\nExpiration Time: 2026-01-01T00:05:00Z\n` +
      `Resources:\n- ${purpose === 'upload' ? 'urn:paystream:upload' : `urn:paystream:view:${content_id}`}`;
    this.#challenges.set(message, address);
    return { message, expires_at: '2026-01-01T00:05:00Z' };
  }

  async #exchange(path: string, { message, signature }: { message: string; signature: Hex }): Promise<Answer> {
    const address = this.#challenges.get(message);
    if (address === undefined || !(await verifyMessage({ address, message, signature }))) {
      return problem(401, 'unauthorized', 'this challenge is unknown, used or expired');
    }
    if (path === '/v1/view-passes' && !this.viewFound) return problem(409, 'view_not_found', 'no view of this account is on chain');
    this.#challenges.delete(message);
    const token = `token-${this.#tokens.size}-${Math.random()}`;
    this.#tokens.add(token);
    return [200, { token, expires_at: new Date(Date.now() + 12 * 3_600_000).toISOString() }];
  }

  #relay(body: Library['payments'][number]): Answer {
    this.onRelay?.();
    if (this.relayProblem !== null) return this.relayProblem;
    if (!this.payments.some(({ signature }) => signature === body.signature)) this.payments.push(body);
    return [202, this.#relayState()];
  }

  #relayState() {
    return { relay_id: `0x${'1d'.repeat(32)}`, transaction: `0x${'7a'.repeat(32)}`, ...this.relay };
  }

  #register({ content_id }: { content_id: string }): Answer {
    const refusal = this.registerProblems.shift();
    if (refusal !== undefined) return refusal;
    this.registered.push(content_id);
    return [202, { content_id, relay: this.#relayState() }];
  }

  #authorised(request: IncomingMessage): boolean {
    return this.#tokens.has((request.headers.authorization ?? '').replace('Bearer ', ''));
  }

  async #tus(method: string, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = ([status, body]: Answer): void =>
      void response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
    response.setHeader('tus-resumable', '1.0.0');
    if (!this.#authorised(request)) return refuse(problem(401, 'unauthorized', 'the token is missing, wrong or expired'));
    if (request.headers['tus-resumable'] !== '1.0.0') return refuse(problem(412, 'malformed', 'not tus 1.0'));
    if (method === 'POST') {
      const item = created(`item-${this.items.length}`, request);
      this.items.push(item);
      return void response.writeHead(201, { location: `/v1/uploads/${item.item_id}` }).end();
    }
    const item = this.items.find(({ item_id }) => path === `/v1/uploads/${item_id}`);
    if (item === undefined) return refuse(problem(404, 'not_found', 'there is no such upload'));
    if (method === 'DELETE') {
      this.items.splice(this.items.indexOf(item), 1);
      return void response.writeHead(204).end();
    }
    if (method === 'PATCH') {
      if (Number(request.headers['upload-offset']) !== item.offset) return refuse(problem(409, 'upload_conflict', 'another offset'));
      if (!(await this.#take(item, request))) return;
    }
    response.writeHead(method === 'HEAD' ? 200 : 204, {
      'upload-offset': item.offset,
      'upload-length': item.size,
      'cache-control': 'no-store',
    });
    response.end();
  }

  /** Whether there is anything left to answer. */
  async #take(item: StoredItem, request: IncomingMessage): Promise<boolean> {
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        item.digest.update(chunk);
        item.offset += chunk.length;
        if (this.breaksAt !== null && item.offset >= this.breaksAt) {
          this.breaksAt = null;
          request.socket.destroy();
          return false;
        }
        if (this.holdsAt !== null && item.offset >= this.holdsAt) return false;
      }
    } catch {
      return false;
    }
    this.onPiece?.();
    if (item.offset === item.size) item.state = 'queued';
    return true;
  }
}

function created(id: string, request: IncomingMessage): StoredItem {
  const pairs = String(request.headers['upload-metadata']).split(',');
  const metadata = new Map(pairs.map((pair): [string, string] => [pair.split(' ')[0] ?? '', pair.split(' ')[1] ?? '']));
  const text = (name: string): string => Buffer.from(metadata.get(name) ?? '', 'base64').toString();
  return {
    item_id: id,
    state: 'uploading',
    progress_permille: 0,
    title: text('title'),
    description: text('description'),
    cid: null,
    metadata_cid: null,
    error: null,
    size: Number(request.headers['upload-length']),
    offset: 0,
    digest: createHash('sha256'),
  };
}

function shown({ digest: _digest, offset: _offset, ...item }: StoredItem) {
  return { ...item, free: false };
}

export function problem(status: number, code: string, detail: string): Answer {
  return [status, { type: 'about:blank', title: code, status, code, detail }];
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
