/** What the page shows of the indexer's answers: amounts as bigint, ids in lower case. */
import type { Address, Hex } from 'viem';

export interface Terms {
  readonly token: Address;
  readonly payout: Address;
  readonly creatorShareBps: number;
  readonly pricePerView: bigint;
  readonly pricePerSecond: bigint;
  readonly msatPerSecond: bigint;
}

export interface Content {
  readonly contentId: Hex;
  readonly creator: Address;
  readonly cid: string;
  readonly name: string;
  /** Where more about it is found; hostile text of any kind, or nothing. */
  readonly metadataUri: string;
  readonly active: boolean;
  readonly terms: Terms;
  /** scriptPubKey in hex, or null. */
  readonly bitcoinPayout: string | null;
  readonly registeredAt: Date;
  readonly views: number;
  /** Null: not known. */
  readonly live: boolean | null;
}

export interface Stream {
  readonly provider: Address;
  readonly url: string;
  readonly liveness: 'live' | 'offline' | 'unknown';
  readonly viewers: number | null;
}

/** One that was paid for on Ethereum. */
export interface View {
  readonly viewer: Address;
  readonly provider: Address;
  /** Of its block. */
  readonly at: Date;
}

export interface TokenEarnings {
  readonly token: Address;
  readonly earned: bigint;
  readonly claimed: bigint;
  readonly unclaimed: bigint;
}

export interface LedgerEntry {
  readonly kind: 'credit' | 'claim';
  readonly token: Address;
  readonly amount: bigint;
  /** Of a credit. */
  readonly contentId: Hex | null;
  readonly at: Date;
  readonly transactionHash: Hex;
  readonly key: string;
}

export interface Earnings {
  readonly tokens: readonly TokenEarnings[];
  /** Newest first. */
  readonly entries: readonly LedgerEntry[];
}
