import { createClient, custom, type Hex } from 'viem';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Config } from 'wagmi';
import { viewRecorded } from './fixture.ts';
import { asking, fateOf, forgetSent, keepSent, type SentView, sentKey, sentView, type ViewPaid } from './sent.ts';

const entries = new Map<string, string>();
const storage = {
  getItem: (key: string) => entries.get(key) ?? null,
  setItem: (key: string, value: string) => void entries.set(key, value),
  removeItem: (key: string) => void entries.delete(key),
} as unknown as Storage;
const hash = `0x${'7a'.repeat(32)}` as const;
const view: ViewPaid = {
  chainId: 1,
  splitter: `0x${'5b'.repeat(20)}`,
  contentId: `0x${'c0'.repeat(32)}`,
  provider: `0x${'ab'.repeat(20)}`,
  account: `0x${'ee'.repeat(20)}`,
};
const key = sentKey(view);
const sent: SentView = { hash, at: 1000, nonce: 4, block: 90 };
const asked: SentView = { ...sent, hash: null };
const hour = 3_600_000;

beforeEach(() => entries.clear());

describe('a payment that a wallet was asked for', () => {
  test.each([sent, asked])('is known for as long as the view that it pays is open: %j', (payment) => {
    keepSent(key, payment, storage);
    const upper = (text: string) => `0x${text.slice(2).toUpperCase()}` as Hex;
    const same = sentKey({ ...view, contentId: upper(view.contentId), provider: upper(view.provider), account: upper(view.account) });
    expect(sentView(same, 1000 + 23 * hour, storage)).toEqual(payment);
    expect(sentView(key, 1000 + 24 * hour, storage)).toBeNull();
    expect(entries.size).toBe(0);
  });

  test('is none of another content, provider, account or chain', () => {
    keepSent(key, sent, storage);
    const other = `0x${'11'.repeat(20)}` as const;
    const others: Partial<ViewPaid>[] = [{ chainId: 2 }, { contentId: other }, { provider: other }, { account: other }];
    expect(others.map((change) => sentView(sentKey({ ...view, ...change }), 1000, storage))).toEqual([null, null, null, null]);
  });

  test('is forgotten once it has failed', () => {
    keepSent(key, sent, storage);
    forgetSent(key, storage);
    expect(sentView(key, 1000, storage)).toBeNull();
  });

  test.each([
    '',
    '{',
    'null',
    '{"hash":"0x12","at":1,"nonce":1,"block":1}',
    `{"hash":"${hash}","at":1}`,
    '{"hash":null,"at":1,"nonce":-1,"block":1}',
  ])('that cannot be read is none: %s', (text) => {
    storage.setItem(key, text);
    expect(sentView(key, 1000, storage)).toBeNull();
  });

  test('is known to the page when the browser has no room for it', () => {
    keepSent(key, asked, storage);
    const setItem = (): void => {
      throw new DOMException('', 'QuotaExceededError');
    };
    const full = { ...storage, setItem };
    keepSent(key, sent, full);
    expect(sentView(key, 1000, full)).toEqual(sent);
    forgetSent(key, full);
    expect(sentView(key, 1000, full)).toBeNull();
  });
});

describe('how a payment went', () => {
  /** What a node knows of the account, and of the views that were recorded for it. */
  interface Node {
    readonly used?: number;
    readonly pending?: number;
    readonly recorded?: boolean;
    readonly receipt?: 'success' | 'reverted' | null;
  }
  const requests: { method: string; params?: unknown }[] = [];
  beforeEach(() => void requests.splice(0));

  function wallets({ used = 4, pending = used, recorded = false, receipt = null }: Node): Config {
    const number = (value: number): string => `0x${value.toString(16)}`;
    const request = async ({ method, params }: { method: string; params?: unknown }): Promise<unknown> => {
      requests.push({ method, params });
      switch (method) {
        case 'eth_blockNumber':
          return number(100);
        case 'eth_getTransactionCount':
          return number((params as string[])[1] === 'pending' ? pending : used);
        case 'eth_getLogs':
          return recorded ? [viewRecorded(view)] : [];
        case 'eth_getTransactionReceipt':
          return receipt === null ? null : { transactionHash: hash, status: receipt === 'success' ? '0x1' : '0x0', logs: [] };
        case 'eth_getTransactionByHash':
          return null;
        default:
          throw new Error(`nobody asks for ${method}`);
      }
    };
    const client = createClient({ transport: custom({ request }, { retryCount: 0 }) });
    return { getClient: () => client } as unknown as Config;
  }

  test.each([
    ['is told by its receipt', sent, { receipt: 'success' }, 'paid'],
    ['is told by its receipt when it failed', sent, { receipt: 'reverted' }, 'failed'],
    ['that was sped up is told by the view that was recorded', sent, { used: 5, recorded: true }, 'paid'],
    ['has failed when another transaction took its nonce and recorded nothing', sent, { used: 5 }, 'failed'],
    ['of which no answer was heard is told by the view that was recorded', asked, { used: 5, recorded: true }, 'paid'],
    ['of which no answer was heard has failed when another transaction took its nonce', asked, { used: 5 }, 'failed'],
    ['of which nothing was heard or seen is unanswered', asked, {}, 'unanswered'],
  ] as [string, SentView, Node, string][])('%s', async (_name, payment, node, fate) => {
    expect(await fateOf(wallets(node), view, payment)).toBe(fate);
  });

  test.each([
    ['its replacement waits', sent, { pending: 5 }, 'not in a block yet'],
    ['another transaction of the account waits, which it may be', asked, { used: 5, pending: 6 }, 'not in a block yet'],
    ['the node does not know it, however old it is', sent, {}, 'does not know yet of the payment'],
  ] as [string, SentView, Node, string][])('cannot be told while %s', async (_name, payment, node, words) => {
    await expect(fateOf(wallets(node), view, payment)).rejects.toThrow(words);
  });

  test('is looked for from the block on at which the wallet was asked', async () => {
    expect(await asking(wallets({ used: 4, pending: 7 }), view)).toMatchObject({ hash: null, nonce: 7, block: 100 });
    await fateOf(wallets({}), view, asked);
    expect(requests.find(({ method }) => method === 'eth_getLogs')?.params).toMatchObject([{ fromBlock: '0x5a', toBlock: '0x64' }]);
  });
});
