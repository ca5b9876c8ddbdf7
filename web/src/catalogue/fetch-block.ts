/** One small block from whichever provider has it: bounded, and checked against its CID. */
import { parseCid, verifyBlock } from '../ipfs/verify.ts';

const raw = 0x55;
const patienceMs = 10_000;

/** Throws when the CID is of no single block, or when no provider gives the right bytes. */
export async function fetchBlock(providerUrls: readonly string[], text: string, limit: number, signal: AbortSignal): Promise<Uint8Array> {
  const cid = parseCid(text);
  if (cid.code !== raw) throw new Error(`${text} is not one block`);
  let last: unknown = new Error('no provider carries this');
  for (const url of providerUrls) {
    try {
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
    } catch (error) {
      if (signal.aborted) throw error;
      last = error;
    }
  }
  throw last;
}

/** Stops at the bound, whatever the headers say. */
export async function readBounded(response: Response, limit: number): Promise<Uint8Array> {
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
