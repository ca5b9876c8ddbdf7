/**
 * The stored demo: the footage, uploaded to a streamer as a creator would, and registered with a price by the second in bitcoin
 * and by the view in the chain's token. Doing it again changes nothing.
 */
import { openAsBlob } from 'node:fs';
import { join } from 'node:path';
import { parseUnits } from 'viem';
import { accounts, type Deployment } from './ethereum.ts';
import { contentIdOf, footagePath, registerOnce, type SeededContent } from './seed.ts';
import type { Token } from './token.ts';
import { root } from './tools.ts';
import { GiveUp, until } from './wait.ts';

const title = 'Big Buck Bunny';
const description =
  'The first half minute of Big Buck Bunny. © 2008 Blender Foundation, www.bigbuckbunny.org, licensed under Creative Commons Attribution 3.0 (https://creativecommons.org/licenses/by/3.0/).';

interface Item {
  readonly item_id: string;
  readonly state: string;
  readonly title: string;
  /** Null: the operator's own. */
  readonly owner: string | null;
  readonly cid: string | null;
  readonly metadata_cid: string | null;
  readonly error: { readonly detail: string } | null;
}

/** What the stored demo is made at: a streamer, its operator's token, and the chain. */
export interface Place {
  readonly rpcUrl: string;
  readonly streamerUrl: string;
  readonly operatorToken: string;
  readonly deployment: Deployment;
  readonly token: Token;
}

export async function seedStored(place: Place): Promise<SeededContent> {
  const { rpcUrl, deployment, token } = place;
  const { item_id } = (await uploaded(place)) ?? (await upload(place));
  const { cid, metadata_cid } = await ready(place, item_id);
  const creator = accounts.creator.address;
  await registerOnce(rpcUrl, deployment, cid, {
    name: title,
    metadataURI: metadata_cid === null ? '' : `ipfs://${metadata_cid}`,
    terms: {
      token: token.address,
      payout: creator,
      creatorShareBps: 7_000,
      pricePerView: parseUnits('0.25', token.decimals),
      pricePerSecond: 0n,
      msatPerSecond: 40_000n,
    },
  });
  const contentId = contentIdOf(creator, cid);
  await until('the stream of the stored demo is registered', 30_000, async () => {
    const response = await ask(place, '/register', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ content_id: contentId }),
    });
    // 202: it is on its way, and a repetition asks how far.
    return response.status === 200;
  });
  return { contentId, cid, name: title };
}

/** The item of an earlier start. */
async function uploaded(place: Place): Promise<Item | undefined> {
  const response = await ask(place, '/v1/items');
  const { items } = (await response.json()) as { items: Item[] };
  return items.find((item) => item.owner === null && item.title === title && !['failed', 'cancelled', 'uploading'].includes(item.state));
}

async function upload(place: Place): Promise<Item> {
  const form = new FormData();
  form.set('json_data', JSON.stringify({ title, description }));
  form.set('file', await openAsBlob(join(root, footagePath)), 'big-buck-bunny.mp4');
  const response = await ask(place, '/upload-content?wait=false', { method: 'POST', body: form });
  return (await response.json()) as Item;
}

/** Waits until the video is prepared: it is transcoded, as its keyframes are ten seconds apart. */
async function ready(place: Place, itemId: string): Promise<Item & { readonly cid: string }> {
  return until('the stored demo is prepared', 300_000, async () => {
    const item = (await (await ask(place, `/v1/items/${itemId}`)).json()) as Item;
    if (item.state === 'failed' || item.state === 'cancelled') throw new GiveUp(`the footage was refused: ${item.error?.detail}`);
    return item.state === 'ready' && item.cid !== null ? { ...item, cid: item.cid } : undefined;
  });
}

async function ask({ streamerUrl, operatorToken }: Place, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string> | undefined), authorization: `Bearer ${operatorToken}` };
  const response = await fetch(`${streamerUrl}${path}`, { ...init, headers });
  if (!response.ok) throw new Error(`the streamer answered ${response.status} to ${path}: ${await response.text()}`);
  return response;
}
