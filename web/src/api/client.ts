/** The indexer's API: the client is generated from its OpenAPI document (`npm run api -w web`), and answers become the page's model here. */
import createClient from 'openapi-fetch';
import type { Address, Hex } from 'viem';
import type { Content, Earnings, LedgerEntry, Stream, View } from './model.ts';
import type { components, paths } from './schema.d.ts';

export class IndexerError extends Error {
  override readonly name = 'IndexerError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface ContentPage {
  readonly items: readonly Content[];
  readonly nextCursor: string | null;
}

export class Indexer {
  readonly #client;

  constructor(baseUrl: string) {
    this.#client = createClient<paths>({ baseUrl });
  }

  async contents(query: { q?: string; creator?: string; cursor?: string }, signal?: AbortSignal): Promise<ContentPage> {
    const page = await answer(this.#client.GET('/v1/contents', { params: { query: { ...query, limit: 50 } }, ...aborted(signal) }));
    return { items: page.items.map(readContent), nextCursor: page.next_cursor ?? null };
  }

  async content(contentId: string, signal?: AbortSignal): Promise<Content> {
    return readContent(
      await answer(this.#client.GET('/v1/contents/{content_id}', { params: { path: { content_id: contentId } }, ...aborted(signal) })),
    );
  }

  async streams(contentId: string, signal?: AbortSignal): Promise<readonly Stream[]> {
    const page = await answer(
      this.#client.GET('/v1/contents/{content_id}/streams', { params: { path: { content_id: contentId } }, ...aborted(signal) }),
    );
    return page.items.map((stream) => ({
      provider: stream.provider.toLowerCase() as Address,
      url: stream.url,
      liveness: stream.liveness,
      viewers: stream.viewers ?? null,
    }));
  }

  /** A viewer's, the newest ones first, as far as one answer goes. */
  async views(contentId: string, viewer: string, signal?: AbortSignal): Promise<readonly View[]> {
    const page = await answer(
      this.#client.GET('/v1/contents/{content_id}/views', {
        params: { path: { content_id: contentId }, query: { viewer, limit: 200 } },
        ...aborted(signal),
      }),
    );
    return page.items.map(({ viewer, provider, timestamp }) => ({
      viewer: viewer as Address,
      provider: provider as Address,
      at: new Date(timestamp),
    }));
  }

  async earnings(account: string, signal?: AbortSignal): Promise<Earnings> {
    const earnings = await answer(
      this.#client.GET('/v1/accounts/{address}/earnings', { params: { path: { address: account } }, ...aborted(signal) }),
    );
    const entries = [
      ...earnings.credits.map((credit) => readEntry('credit', credit, credit.content_id as Hex)),
      ...earnings.claims.map((claim) => readEntry('claim', claim, null)),
    ].sort((a, b) => b.at.getTime() - a.at.getTime());
    return {
      tokens: earnings.tokens.map((token) => ({
        token: token.token as Address,
        earned: BigInt(token.earned_total),
        claimed: BigInt(token.claimed_total),
        unclaimed: BigInt(token.unclaimed),
      })),
      entries,
    };
  }
}

type Schemas = components['schemas'];

function readContent(content: Schemas['Content']): Content {
  return {
    contentId: content.content_id.toLowerCase() as Hex,
    creator: content.creator.toLowerCase() as Address,
    cid: content.cid,
    name: content.name,
    metadataUri: content.metadata_uri,
    active: content.active,
    terms: {
      token: content.terms.token as Address,
      payout: content.terms.payout as Address,
      creatorShareBps: content.terms.creator_share_bps,
      pricePerView: BigInt(content.terms.price_per_view),
      pricePerSecond: BigInt(content.terms.price_per_second),
      msatPerSecond: BigInt(content.terms.msat_per_second),
    },
    bitcoinPayout: content.bitcoin_payout ?? null,
    registeredAt: new Date(content.registered.timestamp),
    views: content.views,
    live: content.live ?? null,
  };
}

interface Entry {
  readonly token: string;
  readonly amount: string;
  readonly timestamp: string;
  readonly transaction_hash: string;
  readonly log_index: number;
}

function readEntry(kind: LedgerEntry['kind'], entry: Entry, contentId: Hex | null): LedgerEntry {
  return {
    kind,
    token: entry.token as Address,
    amount: BigInt(entry.amount),
    contentId,
    at: new Date(entry.timestamp),
    transactionHash: entry.transaction_hash as Hex,
    key: `${entry.transaction_hash}-${entry.log_index}`,
  };
}

const aborted = (signal: AbortSignal | undefined): { signal?: AbortSignal } => (signal === undefined ? {} : { signal });

async function answer<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let got: { data?: T; error?: unknown; response: Response };
  try {
    got = await asked;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new IndexerError(0, 'The catalogue’s server does not answer. Check your connection; the page tries again by itself.', { cause });
  }
  if (got.data !== undefined) return got.data;
  const { status } = got.response;
  const detail = (got.error as { detail?: unknown } | undefined)?.detail;
  if (status === 404) throw new IndexerError(404, 'This content is not registered.');
  throw new IndexerError(status, typeof detail === 'string' ? detail : `The catalogue’s server answered ${status}.`);
}
