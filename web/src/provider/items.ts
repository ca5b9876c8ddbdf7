/** Stored items of a provider's library (docs/protocol.md, section 12; the streamer's OpenAPI document), read with suspicion. */
import { asBoolean, asInteger, asList, asObject, asText, WireError } from '../wire.ts';

export const itemStates = ['uploading', 'queued', 'preparing', 'adding', 'ready', 'failed', 'cancelled'] as const;
export type ItemState = (typeof itemStates)[number];

export interface Item {
  readonly itemId: string;
  readonly state: ItemState;
  /** Of what is going on in this state, 0 to 1000. */
  readonly progressPermille: number;
  readonly title: string;
  readonly description: string;
  /** Null until it has been added. */
  readonly cid: string | null;
  readonly metadataCid: string | null;
  readonly pictureCid: string | null;
  /** Bytes. */
  readonly size: number | null;
  readonly durationMs: number | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly free: boolean;
  /** Why it failed. */
  readonly error: { readonly code: string; readonly detail: string } | null;
}

export function readItem(json: unknown): Item {
  const item = asObject(json, 'item');
  const state = itemStates.find((known) => known === item.state);
  if (state === undefined) throw new WireError('state is none that this page knows');
  const error = item.error === null || item.error === undefined ? null : asObject(item.error, 'error');
  return {
    itemId: asText(item.item_id, 'item_id'),
    state,
    progressPermille: Math.min(1000, orNull(item.progress_permille, 'progress_permille', asInteger) ?? 0),
    title: orNull(item.title, 'title', asText) ?? '',
    description: orNull(item.description, 'description', asText) ?? '',
    cid: orNull(item.cid, 'cid', asText),
    metadataCid: orNull(item.metadata_cid, 'metadata_cid', asText),
    pictureCid: orNull(item.picture_cid, 'picture_cid', asText),
    size: orNull(item.size, 'size', asInteger),
    durationMs: orNull(item.duration_ms, 'duration_ms', asInteger),
    width: orNull(item.width, 'width', asInteger),
    height: orNull(item.height, 'height', asInteger),
    free: orNull(item.free, 'free', asBoolean) ?? false,
    error: error === null ? null : { code: asText(error.code, 'error.code'), detail: asText(error.detail, 'error.detail') },
  };
}

/** A list, or an object whose member `items` is one. */
export function readItems(json: unknown): readonly Item[] {
  return asList(Array.isArray(json) ? json : asObject(json, 'items').items, 'items').map(readItem);
}

function orNull<T>(value: unknown, name: string, read: (value: unknown, name: string) => T): T | null {
  return value === null || value === undefined ? null : read(value, name);
}
