/** A view of Bitcoin through Esplora's REST interface, and failover between several such servers. */
import { asBoolean, asInteger, asList, asObject, asText, WireError } from '../wire.ts';

export class EsploraError extends Error {
  override readonly name = 'EsploraError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

export interface Confirmation {
  readonly confirmed: boolean;
  readonly height: number | null;
}

export interface Utxo {
  readonly txid: string;
  readonly vout: number;
  readonly valueSat: bigint;
  readonly status: Confirmation;
}

export interface TransactionOutput {
  readonly script: string;
  readonly valueSat: bigint;
}

export interface Transaction {
  readonly txid: string;
  readonly outputs: readonly TransactionOutput[];
  readonly status: Confirmation;
}

export class Esplora {
  readonly url: string;

  constructor(url: string) {
    this.url = url.replace(/\/+$/, '');
  }

  async tipHeight(): Promise<number> {
    return asInteger(Number(await this.#get('/blocks/tip/height')), 'tip height');
  }

  async utxos(address: string): Promise<readonly Utxo[]> {
    return asList(JSON.parse(await this.#get(`/address/${address}/utxo`)), 'utxo').map((entry) => {
      const utxo = asObject(entry, 'utxo');
      return {
        txid: asText(utxo.txid, 'txid'),
        vout: asInteger(utxo.vout, 'vout'),
        valueSat: BigInt(asInteger(utxo.value, 'value')),
        status: readStatus(utxo.status),
      };
    });
  }

  async transaction(txid: string): Promise<Transaction> {
    const transaction = asObject(JSON.parse(await this.#get(`/tx/${txid}`)), 'transaction');
    return {
      txid: asText(transaction.txid, 'txid'),
      outputs: asList(transaction.vout, 'vout').map((entry) => {
        const output = asObject(entry, 'vout');
        return { script: asText(output.scriptpubkey, 'scriptpubkey'), valueSat: BigInt(asInteger(output.value, 'value')) };
      }),
      status: readStatus(transaction.status),
    };
  }

  /** The transaction that spends this output, or null while none does. */
  async spender(txid: string, vout: number): Promise<{ txid: string; status: Confirmation } | null> {
    const outspend = asObject(JSON.parse(await this.#get(`/tx/${txid}/outspend/${vout}`)), 'outspend');
    if (!asBoolean(outspend.spent, 'spent')) return null;
    return { txid: asText(outspend.txid, 'txid'), status: readStatus(outspend.status ?? {}) };
  }

  /** sat/vB for confirmation within so many blocks, or null when the server has no estimate. */
  async feeRate(blocks: number): Promise<number | null> {
    const estimates = asObject(JSON.parse(await this.#get('/fee-estimates')), 'fee estimates');
    const rate = estimates[String(blocks)];
    return typeof rate === 'number' && Number.isFinite(rate) && rate > 0 ? rate : null;
  }

  async broadcast(hex: string): Promise<string> {
    return (await this.#get('/tx', { method: 'POST', body: hex, headers: { 'content-type': 'text/plain' } })).trim();
  }

  async #get(path: string, init: RequestInit = {}): Promise<string> {
    let response: Response;
    try {
      response = await fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(10_000) });
    } catch (cause) {
      throw new EsploraError(0, `The chain server ${this.url} does not answer.`, { cause });
    }
    const body = await response.text();
    if (!response.ok)
      throw new EsploraError(response.status, readProblem(body) ?? `The chain server ${this.url} answered ${response.status}.`);
    return body;
  }
}

/** Asks each server in turn until one answers; a "no" about the question itself (4xx) counts as an answer. */
export async function firstAnswer<T>(servers: readonly Esplora[], ask: (server: Esplora) => Promise<T>): Promise<T> {
  let last: unknown = new EsploraError(0, 'No chain server is known.');
  for (const server of servers) {
    try {
      return await ask(server);
    } catch (error) {
      if (error instanceof EsploraError && error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
      if (!(error instanceof EsploraError) && !(error instanceof WireError) && !(error instanceof SyntaxError)) throw error;
      last = error;
    }
  }
  throw last;
}

function readStatus(json: unknown): Confirmation {
  const status = asObject(json, 'status');
  const confirmed = status.confirmed === true;
  return { confirmed, height: confirmed && typeof status.block_height === 'number' ? status.block_height : null };
}

function readProblem(body: string): string | null {
  if (body === '' || body.length > 2000) return null;
  try {
    const problem = JSON.parse(body) as { detail?: unknown };
    return typeof problem.detail === 'string' ? problem.detail : null;
  } catch {
    return body.startsWith('<') ? null : body;
  }
}
