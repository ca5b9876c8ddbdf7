/** A range of the file from a provider: asked for as a CAR, checked block by block, given leaf by leaf. */
import type { CID } from 'multiformats/cid';
import { readCar } from '../ipfs/car.ts';
import { type Leaf, type LeafMap, Walk } from '../ipfs/dag.ts';
import { CutOffError, DamagedError } from '../ipfs/error.ts';
import { parseCid, verifyBlock } from '../ipfs/verify.ts';
import { request } from '../provider/client.ts';

export interface RangeRequest {
  readonly providerUrl: string;
  readonly cid: CID;
  /** Bytes of the file, as the offer states it; null where nobody does. */
  readonly size: number | null;
  /** Half open: `[from, to)`. */
  readonly from: number;
  readonly to: number;
  /** A media token or a pass; null for what is free. */
  readonly token: string | null;
  readonly leaves?: LeafMap;
  readonly signal: AbortSignal;
  /** Bytes as they come, checked or not. */
  readonly onBytes?: (count: number) => void;
  /** Without a byte for so long the response counts as cut off. */
  readonly patienceMs?: number;
}

export interface CheckedBlock {
  readonly cid: CID;
  readonly bytes: number;
  readonly leaves: readonly Leaf[];
}

/**
 * Throws a `ProviderError` for a refusal, a `DamagedError` for what is not in order, a `CutOffError` for what broke.
 * Every block before the error was in order.
 */
export async function* readRange(range: RangeRequest): AsyncGenerator<CheckedBlock> {
  const walk = new Walk({
    root: range.cid,
    size: range.size,
    from: range.from,
    to: range.to,
    ...(range.leaves === undefined ? {} : { leaves: range.leaves }),
  });
  const patience = new Patience(range.signal, range.patienceMs ?? 30_000);
  try {
    const query = `format=car&dag-scope=entity&entity-bytes=${range.from}:${range.to - 1}`;
    const response = await request(`${range.providerUrl.replace(/\/+$/, '')}/ipfs/${range.cid.toString()}?${query}`, {
      headers: {
        accept: 'application/vnd.ipld.car; version=1; order=dfs; dups=n',
        ...(range.token === null ? {} : { authorization: `Bearer ${range.token}` }),
      },
      signal: patience.signal,
    });
    const type = response.headers.get('content-type') ?? '';
    if (!type.startsWith('application/vnd.ipld.car')) {
      await response.body?.cancel();
      throw new DamagedError('malformed', null, `the provider answered with ${type === '' ? 'something' : type} in the place of a CAR`);
    }
    for await (const { cid, bytes } of readCar(chunksOf(response, patience, range.onBytes))) {
      await verifyBlock(cid, bytes);
      yield { cid, bytes: bytes.length, leaves: walk.accept(cid, bytes) };
    }
    if (walk.expected !== null) throw new CutOffError('The provider left out a part of the video.');
  } catch (error) {
    if (patience.lost && !range.signal.aborted) throw new CutOffError('The provider went silent.', { cause: error, silent: true });
    throw error;
  } finally {
    patience.end();
  }
}

/** A whole small file (a poster, a document), checked. Asked for with a byte more than it may have, so that a larger one is refused, not cut. */
export async function readWhole(providerUrl: string, cid: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const { leaves } of readRange({
    providerUrl,
    cid: parseCid(cid),
    size: null,
    from: 0,
    to: maxBytes + 1,
    token: null,
    signal,
  })) {
    for (const { data } of leaves) {
      total += data.length;
      if (total > maxBytes) throw new DamagedError('too_large', cid, `it is larger than ${maxBytes} bytes`);
      parts.push(data);
    }
  }
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function* chunksOf(response: Response, patience: Patience, onBytes?: (count: number) => void): AsyncGenerator<Uint8Array> {
  if (response.body === null) throw new CutOffError('The provider answered with nothing.');
  const reader = response.body.getReader();
  try {
    for (;;) {
      let next: ReadableStreamReadResult<Uint8Array>;
      try {
        next = await reader.read();
      } catch (cause) {
        if (patience.signal.aborted) throw cause;
        throw new CutOffError('The provider’s answer was cut off.', { cause });
      }
      if (next.done) return;
      patience.renew();
      onBytes?.(next.value.length);
      yield next.value;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** Gives a response up when nothing comes for a while. */
class Patience {
  readonly #abort = new AbortController();
  readonly #ms: number;
  readonly signal: AbortSignal;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lost = false;

  constructor(outer: AbortSignal, ms: number) {
    this.#ms = ms;
    this.signal = AbortSignal.any([outer, this.#abort.signal]);
    this.renew();
  }

  get lost(): boolean {
    return this.#lost;
  }

  renew(): void {
    this.end();
    this.#timer = setTimeout(() => {
      this.#lost = true;
      this.#abort.abort();
    }, this.#ms);
  }

  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
