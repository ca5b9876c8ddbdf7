/** `stack.json` in the data folder: all that a journey or a person needs to know about the running stack. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hex } from 'viem';
import type { Deployment, EthereumAccount, Role } from './ethereum.ts';
import type { Ports } from './ports.ts';
import type { Token } from './token.ts';

export interface StackRecord {
  readonly dataDir: string;
  /** Process of supervisord, and the socket of its XML-RPC interface. */
  readonly supervisor: { readonly pid: number; readonly socket: string };
  readonly ports: Ports;
  readonly urls: {
    readonly web: string;
    readonly indexer: string;
    readonly streamer: string;
    readonly secondStreamer: string;
    readonly ethereum: string;
    readonly bitcoin: string;
    readonly faucet: string;
    /** With the password. */
    readonly database: string;
    readonly redis: string;
  };
  readonly accounts: Readonly<Record<Role, EthereumAccount>>;
  readonly bitcoin: {
    readonly cookieFile: string;
    readonly payouts: Readonly<Record<'creator' | 'provider' | 'secondProvider', BitcoinPayout>>;
  };
  readonly deployment: Deployment;
  /** What each streamer's operator shows as a bearer token. */
  readonly operatorTokens: Readonly<Record<'streamer' | 'secondStreamer', string>>;
  /** The ERC-20 of the chain, of which the viewers own some; `tokenViewer` owns nothing else. */
  readonly token: Token;
  /** Another one, without authorisations (EIP-3009). */
  readonly permitToken: Token;
  /** The demo: a live stream of real footage. */
  readonly content: { readonly contentId: Hex; readonly cid: string; readonly name: string };
  /** The stored demo: the same footage as a file, by the second in bitcoin or by the view in the token. */
  readonly stored: { readonly contentId: Hex; readonly cid: string; readonly name: string };
}

export interface BitcoinPayout {
  readonly address: string;
  /** scriptPubKey, lower-case hex without a prefix. */
  readonly script: string;
}

const recordFile = (dataDir: string): string => join(dataDir, 'stack.json');

export function writeRecord(record: StackRecord): void {
  writeFileSync(recordFile(record.dataDir), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
}

export function readRecord(dataDir: string): StackRecord {
  return JSON.parse(readFileSync(recordFile(dataDir), 'utf8')) as StackRecord;
}
