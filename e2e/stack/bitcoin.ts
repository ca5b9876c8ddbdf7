/** Regtest: the node's RPC, and keys of one's own, since the node has no wallet. Used by the stack, the faucet and the journeys. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { p2wpkh } from '@scure/btc-signer';
import { pubECDSA } from '@scure/btc-signer/utils.js';

export const regtest = { bech32: 'bcrt', pubKeyHash: 0x6f, scriptHash: 0xc4, wif: 0xef };

/** A failed call. `code` is Core's own number, such as -5 for an unknown transaction. */
export class BitcoinRpcError extends Error {
  readonly code: number;

  constructor(method: string, code: number, message: string) {
    super(`${method}: ${message} (${code})`);
    this.code = code;
  }
}

/** Bitcoin Core's JSON-RPC, authorised by the cookie that the node writes at each start. */
export class BitcoinRpc {
  readonly #url: string;
  readonly #cookieFile: string;

  constructor(url: string, cookieFile: string) {
    this.#url = url;
    this.#cookieFile = cookieFile;
  }

  async call<T>(method: string, ...params: unknown[]): Promise<T> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: {
        authorization: `Basic ${Buffer.from(readFileSync(this.#cookieFile, 'utf8').trim()).toString('base64')}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ jsonrpc: '1.0', id: 'stack', method, params }),
      signal: AbortSignal.timeout(30_000),
    });
    if (response.status === 401) throw new Error(`${method}: the node refused the cookie`);
    const { result, error } = (await response.json()) as { result: T; error: { code: number; message: string } | null };
    if (error !== null) throw new BitcoinRpcError(method, error.code, error.message);
    return result;
  }
}

/** A key with its P2WPKH address. */
export interface BitcoinKey {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly address: string;
  /** scriptPubKey, lower-case hex. */
  readonly script: string;
}

export function bitcoinKey(privateKey: Uint8Array): BitcoinKey {
  const publicKey = pubECDSA(privateKey);
  const { address, script } = p2wpkh(publicKey, regtest);
  if (address === undefined) throw new Error('a P2WPKH output always has an address');
  return { privateKey, publicKey, address, script: Buffer.from(script).toString('hex') };
}

/** The key kept in a file as hex; a new one is made when there is none. */
export function keptBitcoinKey(path: string): BitcoinKey {
  if (!existsSync(path)) writeFileSync(path, randomBytes(32).toString('hex'), { mode: 0o600 });
  return bitcoinKey(Buffer.from(readFileSync(path, 'utf8').trim(), 'hex'));
}
