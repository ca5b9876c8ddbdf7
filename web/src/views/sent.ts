/**
 * The payment of a view that a wallet has sent, kept for all tabs of this browser for as long as the view is open: before anybody pays again
 * it is looked at how it went, also after a reload, and while the indexer does not know of it.
 */
import { type Hex, TransactionNotFoundError, TransactionReceiptNotFoundError } from 'viem';
import { getTransaction, getTransactionReceipt } from 'viem/actions';
import type { Config } from 'wagmi';
import { shorten } from '../money.ts';
import { included, TransactionFailed } from '../wallet/included.ts';
import { openForMs } from './open-view.ts';

export interface SentView {
  readonly hash: Hex;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A node may not know a transaction that is minutes old; one that is older has been dropped. */
const unknownForMs = 10 * 60_000;

export function sentKey(chainId: number, contentId: string, provider: string, account: string): string {
  return ['paystream.sent-view', chainId, ...[contentId, provider, account].map((part) => part.toLowerCase())].join(' ');
}

export function keepSent(key: string, sent: SentView, storage: Storage = localStorage): void {
  try {
    storage.setItem(key, JSON.stringify(sent));
  } catch (error) {
    // It has been sent: whoever waits for it goes on waiting.
    console.warn('the payment is not remembered after a reload', error);
  }
}

export function forgetSent(key: string, storage: Storage = localStorage): void {
  storage.removeItem(key);
}

/** Null: none, or one whose view has ended. */
export function sentView(key: string, now = Date.now(), storage: Storage = localStorage): SentView | null {
  const text = storage.getItem(key);
  if (text === null) return null;
  try {
    const { hash, at } = JSON.parse(text) as { hash: unknown; at: unknown };
    if (typeof hash === 'string' && /^0x[0-9a-f]{64}$/i.test(hash) && typeof at === 'number' && now < at + openForMs) {
      return { hash: hash as Hex, at };
    }
  } catch {
    // Written by another version of the page: as good as none.
  }
  storage.removeItem(key);
  return null;
}

/** Whether it has paid; waits while that is open. Throws while nobody can tell. */
export async function hasPaid(wallets: Config, chainId: number, { hash, at }: SentView): Promise<boolean> {
  const client = wallets.getClient({ chainId });
  const receipt = await getTransactionReceipt(client, { hash }).catch(nullWhen(TransactionReceiptNotFoundError));
  if (receipt !== null) return receipt.status === 'success';
  const known = await getTransaction(client, { hash }).catch(nullWhen(TransactionNotFoundError));
  if (known === null) {
    if (Date.now() > at + unknownForMs) return false;
    throw new Error(
      `The Ethereum node does not know yet of the payment ${shorten(hash, 10, 6)}, sent at ${new Date(at).toLocaleTimeString()}. Nothing more was paid. Look into your wallet, and try again in some minutes.`,
    );
  }
  try {
    await included(wallets, chainId, hash);
    return true;
  } catch (error) {
    if (error instanceof TransactionFailed) return false;
    throw error;
  }
}

const nullWhen =
  (kind: new (...args: never[]) => Error) =>
  (error: unknown): null => {
    if (error instanceof kind) return null;
    throw error;
  };
