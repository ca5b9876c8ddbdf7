/** The stored video of an offer (docs/protocol.md, 12.1). */
import { asBoolean, asInteger, asObject, asText, WireError } from '../wire.ts';

export interface StoredVideo {
  readonly cid: string;
  /** Bytes. */
  readonly size: number;
  readonly durationMs: number;
  readonly mimeType: string;
  /** CID of a poster, free to read. */
  readonly picture: string | null;
  readonly free: boolean;
}

export function readStored(json: unknown): StoredVideo | null {
  if (json === undefined || json === null) return null;
  const stored = asObject(json, 'stored');
  const size = asInteger(stored.size, 'stored.size');
  if (size === 0) throw new WireError('stored.size is zero');
  return {
    cid: asText(stored.cid, 'stored.cid'),
    size,
    durationMs: asInteger(stored.duration_ms, 'stored.duration_ms'),
    mimeType: asText(stored.mime_type, 'stored.mime_type'),
    picture: stored.picture === null || stored.picture === undefined ? null : asText(stored.picture, 'stored.picture'),
    free: asBoolean(stored.free, 'stored.free'),
  };
}
