/**
 * The payment of a view that a wallet was asked for, kept for all tabs of this browser for as long as the view is open, and from before the
 * wallet opens: before anybody pays again it is looked at how it went, also after a reload, and while the indexer does not know of it.
 */
import { type Address, type Hex, TransactionNotFoundError, TransactionReceiptNotFoundError } from 'viem';
import { getBlockNumber, getContractEvents, getTransaction, getTransactionCount, getTransactionReceipt } from 'viem/actions';
import type { Config } from 'wagmi';
import { earningsSplitterAbi } from '../contracts/abi.ts';
import { shorten } from '../money.ts';
import { included, TransactionFailed } from '../wallet/included.ts';
import { openForMs } from './open-view.ts';

export interface SentView {
  /** Null: the wallet was asked, and its answer did not reach the page. */
  readonly hash: Hex | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** When the wallet was asked, how many transactions the account had sent, and the newest block: this one comes after them. */
  readonly nonce: number;
  readonly block: number;
}

/** What a payment is for. */
export interface ViewPaid {
  readonly chainId: number;
  readonly splitter: Address;
  readonly contentId: Hex;
  readonly provider: Address;
  readonly account: Address;
}

export function sentKey({ chainId, contentId, provider, account }: Omit<ViewPaid, 'splitter'>): string {
  return ['paystream.sent-view', chainId, ...[contentId, provider, account].map((part) => part.toLowerCase())].join(' ');
}

/** What a full storage did not take. It is known for as long as the page is open. */
const unstored = new Map<string, string>();

export function keepSent(key: string, sent: SentView, storage: Storage = localStorage): void {
  const text = JSON.stringify(sent);
  try {
    storage.setItem(key, text);
    unstored.delete(key);
  } catch (error) {
    unstored.set(key, text);
    console.warn('the payment is not remembered after a reload', error);
  }
}

export function forgetSent(key: string, storage: Storage = localStorage): void {
  unstored.delete(key);
  storage.removeItem(key);
}

/** Null: none, or one whose view has ended. */
export function sentView(key: string, now = Date.now(), storage: Storage = localStorage): SentView | null {
  const text = unstored.get(key) ?? storage.getItem(key);
  if (text === null) return null;
  const sent = parse(text);
  if (sent !== null && now < sent.at + openForMs) return sent;
  forgetSent(key, storage);
  return null;
}

/** Null: written by another version of the page, and as good as none. */
function parse(text: string): SentView | null {
  try {
    const { hash, at, nonce, block } = JSON.parse(text) as Record<string, unknown>;
    const isHash = hash === null || (typeof hash === 'string' && /^0x[0-9a-f]{64}$/i.test(hash));
    if (isHash && isCount(at) && isCount(nonce) && isCount(block)) return { hash: hash as Hex | null, at, nonce, block };
  } catch {
    // No JSON.
  }
  return null;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** To be kept before the wallet opens. */
export async function asking(wallets: Config, { chainId, account }: ViewPaid): Promise<SentView> {
  const client = wallets.getClient({ chainId });
  const [nonce, block] = await Promise.all([
    getTransactionCount(client, { address: account, blockTag: 'pending' }),
    getBlockNumber(client, { cacheTime: 0 }),
  ]);
  return { hash: null, at: Date.now(), nonce, block: Number(block) };
}

/** `unanswered`: the wallet was asked, and so far nothing of it is seen on chain. */
export type Fate = 'paid' | 'failed' | 'unanswered';

/** How a payment went; waits while that is open. Throws while nobody can tell. */
export async function fateOf(wallets: Config, view: ViewPaid, sent: SentView): Promise<Fate> {
  const { hash } = sent;
  return (hash === null ? null : await fateOfTransaction(wallets, view.chainId, hash)) ?? (await fateInAccount(wallets, view, sent));
}

/** Null: the node knows no such transaction. */
async function fateOfTransaction(wallets: Config, chainId: number, hash: Hex): Promise<Fate | null> {
  const client = wallets.getClient({ chainId });
  const receipt = await getTransactionReceipt(client, { hash }).catch(nullWhen(TransactionReceiptNotFoundError));
  if (receipt !== null) return receipt.status === 'success' ? 'paid' : 'failed';
  const known = await getTransaction(client, { hash }).catch(nullWhen(TransactionNotFoundError));
  if (known === null) return null;
  try {
    await included(wallets, chainId, hash);
    return 'paid';
  } catch (error) {
    if (error instanceof TransactionFailed) return 'failed';
    throw error;
  }
}

/**
 * A transaction that was sped up in the wallet has another hash and the same nonce. So one that is not known has failed only when its nonce
 * was used, no view was recorded since, and nothing else of the account is on its way.
 */
async function fateInAccount(wallets: Config, view: ViewPaid, { hash, at, nonce, block }: SentView): Promise<Fate> {
  const client = wallets.getClient({ chainId: view.chainId });
  const { account: address, splitter, contentId, provider } = view;
  const newest = await getBlockNumber(client, { cacheTime: 0 });
  const [recorded, used, pending] = await Promise.all([
    getContractEvents(client, {
      address: splitter,
      abi: earningsSplitterAbi,
      eventName: 'ViewRecorded',
      args: { contentId, provider, viewer: address },
      fromBlock: BigInt(Math.min(block, Number(newest))),
      toBlock: newest,
    }),
    getTransactionCount(client, { address, blockNumber: newest }),
    getTransactionCount(client, { address, blockTag: 'pending' }),
  ]);
  if (recorded.length > 0) return 'paid';
  const when = new Date(at).toLocaleTimeString();
  if (pending > used) {
    throw new Error(
      `A transaction of your account is not in a block yet. It may be this payment, of ${when}, so nothing more was paid. Look into your wallet, and try again when it is through.`,
    );
  }
  if (used > nonce) return 'failed';
  if (hash === null) return 'unanswered';
  throw new Error(
    `The Ethereum node does not know yet of the payment ${shorten(hash, 10, 6)}, sent at ${when}, and it may still be paid. Nothing more was paid. Look into your wallet, speed it up or cancel it there, and try again in some minutes.`,
  );
}

const nullWhen =
  (kind: new (...args: never[]) => Error) =>
  (error: unknown): null => {
    if (error instanceof kind) return null;
    throw error;
  };
