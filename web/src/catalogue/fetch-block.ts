/** Small things from whichever provider has them, bounded, and checked against their CIDs: one block, or a file of several. */
import type { CID } from 'multiformats/cid';
import { maxBlockBytes, parseCid, verifyBlock } from '../ipfs/verify.ts';
import { readWhole } from '../stored/read.ts';

const raw = 0x55;
const patienceMs = 10_000;
const filePatienceMs = 30_000;

/** Throws when the CID is of no single block, or when no provider gives the right bytes. */
export async function fetchBlock(providerUrls: readonly string[], text: string, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const cid = parseCid(text);
  if (cid.code !== raw) throw new Error(`${text} is not one block`);
  return ofAny(providerUrls, (url) => blockFrom(url, cid, limit, signal), signal);
}

/** Any file of UnixFS. Throws when no provider gives all of it within the limit. */
export async function fetchFile(providerUrls: readonly string[], text: string, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const cid = parseCid(text);
  if (cid.code === raw) return fetchBlock(providerUrls, text, Math.min(limit, maxBlockBytes), signal);
  return ofAny(providerUrls, (url) => readWhole(url, text, limit, AbortSignal.any([signal, AbortSignal.timeout(filePatienceMs)])), signal);
}

async function ofAny(providerUrls: readonly string[], ask: (url: string) => Promise<Uint8Array>, signal: AbortSignal): Promise<Uint8Array> {
  let last: unknown = new Error('no provider carries this');
  for (const url of providerUrls) {
    try {
      return await ask(url);
    } catch (error) {
      if (signal.aborted) throw error;
      last = error;
    }
  }
  throw last;
}

async function blockFrom(url: string, cid: CID, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(`${url.replace(/\/+$/, '')}/ipfs/${cid}?format=raw`, {
    headers: { accept: 'application/vnd.ipld.raw' },
    credentials: 'omit',
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
  });
  if (!response.ok) throw new Error(`the provider answered ${response.status}`);
  const bytes = await readBounded(response, limit);
  await verifyBlock(cid, bytes);
  return bytes;
}

/** Stops at the bound, whatever the headers say. */
async function readBounded(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const reader = response.body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    total += value.length;
    if (total > limit) {
      await reader.cancel();
      throw new Error(`more than ${limit} bytes came`);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
