/** A provider's HTTP interface. Errors are `ProviderError`s with the protocol's code and a sentence for the person. */
import { asObject, asText } from '../wire.ts';
import { type Item, readItem, readItems } from './items.ts';
import { type Relay, readRelay, type ViewPayment } from './relay.ts';
import { type Grant, type Purpose, readGrant } from './sign-in.ts';
import { type ChannelView, type Offer, readChannel, readOffer } from './wire.ts';

export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly code: string;
  readonly status: number;
  /** The provider's own words, for where they say more than the sentence of the code. */
  readonly detail: string;

  constructor(code: string, status: number, detail: string, options?: ErrorOptions) {
    super(sentences[code] ?? detail, options);
    this.code = code;
    this.detail = detail;
    this.status = status;
  }
}

/** What a person can do about a code of section 11. Codes without an entry show the provider's own detail. */
const sentences: Readonly<Record<string, string>> = {
  unreachable: 'The provider does not answer. Check your connection, or choose another provider.',
  unknown_content: 'This provider does not serve this content. Choose another provider.',
  unknown_channel: 'The provider no longer knows this channel. Your money is safe: the page refunds it when the channel expires.',
  stream_offline: 'Nobody is broadcasting this stream right now. It starts by itself when the broadcast does.',
  funding_not_found: 'The provider’s Bitcoin node does not see the payment yet. It usually takes a few seconds.',
  funding_conflict: 'This channel has another funding payment already.',
  wrong_script: 'That payment went to another address than this channel’s.',
  capacity_too_low: 'The payment is below the provider’s minimum for a channel.',
  rail_unavailable: 'This content cannot be paid with Bitcoin: it has no Bitcoin price, or its creator no payout address.',
  rate_limited: 'The provider is receiving too many requests from you. Wait a moment and try again.',
  unavailable: 'The provider cannot reach its Bitcoin or Ethereum node. Try again in a minute.',
  view_not_found: 'No view of yours that was bought from this provider in the last 24 hours is on chain.',
  content_damaged: 'The provider’s copy of this content is damaged. Choose another provider.',
  upload_conflict: 'The upload is not where this page left it. Choose the file again to go on.',
  too_slow: 'The file arrives too slowly. What has arrived is kept: go on when the connection is better.',
  forbidden: 'The provider refuses: the wallet is not the creator’s, or this provider does not carry this creator’s streams.',
};

export class Provider {
  readonly url: string;

  constructor(url: string) {
    this.url = url.replace(/\/+$/, '');
  }

  /** Address of the session's socket. */
  get sessionUrl(): string {
    return `${this.url.replace(/^http/, 'ws')}/v1/session`;
  }

  async offer(contentId: string, signal?: AbortSignal): Promise<Offer> {
    return readOffer(await this.#json('GET', `/v1/contents/${contentId}/offer`, undefined, signal));
  }

  async openChannel(request: { content_id: string; viewer_key: string; change_script: string }): Promise<ChannelView> {
    return readChannel(await this.#json('POST', '/v1/channels', request));
  }

  async channel(channelId: string, signal?: AbortSignal): Promise<ChannelView> {
    return readChannel(await this.#json('GET', `/v1/channels/${channelId}`, undefined, signal));
  }

  async hintFunding(channelId: string, outpoint: { txid: string; vout: number }): Promise<ChannelView> {
    return readChannel(await this.#json('POST', `/v1/channels/${channelId}/funding`, outpoint));
  }

  /** Stores the announcement of a live stream and returns its CID. */
  async announce(announcement: object): Promise<string> {
    return asText(asObject(await this.#json('POST', '/v1/announcements', announcement), 'answer').cid, 'cid');
  }

  /** The EIP-4361 message that the creator signs to publish. */
  async publishChallenge(contentId: string, address: string): Promise<string> {
    const answer = await this.#json('POST', '/v1/publish-challenges', { content_id: contentId, address });
    return asText(asObject(answer, 'answer').message, 'message');
  }

  async publishToken(message: string, signature: string): Promise<string> {
    return asText(asObject(await this.#json('POST', '/v1/publish-tokens', { message, signature }), 'answer').token, 'token');
  }

  /** The EIP-4361 message to sign for a token or a pass. */
  async challenge(address: string, purpose: Purpose): Promise<string> {
    const answer = await this.#json('POST', '/v1/challenges', {
      address,
      purpose: purpose.purpose,
      ...(purpose.purpose === 'view' ? { content_id: purpose.contentId } : {}),
    });
    return asText(asObject(answer, 'answer').message, 'message');
  }

  async uploadToken(message: string, signature: string): Promise<Grant> {
    return readGrant(await this.#json('POST', '/v1/tokens', { message, signature }));
  }

  /** Fails with the code `view_not_found` while no bought view of the signer is on chain. */
  async viewPass(message: string, signature: string): Promise<Grant> {
    return readGrant(await this.#json('POST', '/v1/view-passes', { message, signature }));
  }

  /** The provider sends what a viewer signed. The same payment is sent once, however often this is called. */
  async recordView(payment: ViewPayment): Promise<Relay> {
    return readRelay(await this.#json('POST', '/api/record-view', payment, AbortSignal.timeout(45_000)));
  }

  async relay(relayId: string, signal?: AbortSignal): Promise<Relay> {
    return readRelay(await this.#json('GET', `/api/record-view/${relayId}`, undefined, signal));
  }

  /** What the token's account has uploaded. */
  async items(token: string, signal?: AbortSignal): Promise<readonly Item[]> {
    return readItems(await this.#json('GET', '/v1/items', undefined, signal, token));
  }

  async item(itemId: string, token: string, signal?: AbortSignal): Promise<Item> {
    return readItem(await this.#json('GET', `/v1/items/${encodeURIComponent(itemId)}`, undefined, signal, token));
  }

  /** Cancels what goes on, and removes what is there. */
  async deleteItem(itemId: string, token: string): Promise<void> {
    await this.#send('DELETE', `/v1/items/${encodeURIComponent(itemId)}`, undefined, undefined, token);
  }

  /** The provider registers its own stream of a content that it stores; null when it is on chain already. */
  async registerStream(contentId: string, token: string): Promise<Relay | null> {
    const answer = asObject(await this.#json('POST', '/register', { content_id: contentId }, AbortSignal.timeout(90_000), token), 'answer');
    return answer.relay === undefined || answer.relay === null ? null : readRelay(answer.relay);
  }

  async #json(method: string, path: string, body?: object, signal?: AbortSignal, token?: string): Promise<unknown> {
    return (await this.#send(method, path, body, signal, token)).json();
  }

  #send(method: string, path: string, body?: object, signal?: AbortSignal, token?: string): Promise<Response> {
    return request(`${this.url}${path}`, {
      method,
      signal: signal ?? AbortSignal.timeout(15_000),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

/** `fetch` that throws a `ProviderError` for anything but success. */
export async function request(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ProviderError('unreachable', 0, '', { cause });
  }
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as { code?: unknown; detail?: unknown; title?: unknown };
  const code = typeof problem.code === 'string' ? problem.code : `http_${response.status}`;
  const detail = typeof problem.detail === 'string' ? problem.detail : typeof problem.title === 'string' ? problem.title : '';
  throw new ProviderError(code, response.status, detail === '' ? `The provider answered ${response.status}.` : detail);
}
