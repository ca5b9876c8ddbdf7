/**
 * The document behind a content's `metadataURI` (docs/protocol.md, sections 8 and 12.1). Anybody may register anything: it is read only
 * when its bytes are those that the registered CID names, is small, and is shown as text.
 */
import { asInteger, asObject, asText, WireError } from '../wire.ts';

export const longestDocument = 16 * 1024;

export interface Metadata {
  readonly kind: 'video' | 'announcement';
  readonly description: string;
  readonly pictureCid: string | null;
  /** Of a video; null when the document does not say. */
  readonly durationMs: number | null;
}

/** `ipfs://<cid>` and nothing more: no path, no query, no other scheme. */
export function cidOfUri(uri: string): string | null {
  return /^ipfs:\/\/([A-Za-z0-9]{40,128})$/.exec(uri)?.[1] ?? null;
}

export function readMetadata(bytes: Uint8Array): Metadata {
  if (bytes.length > longestDocument) throw new WireError('the document is too large');
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new WireError('the document is not JSON', { cause });
  }
  const document = asObject(json, 'document');
  const kind = document.type === 'paystream/video' ? 'video' : document.type === 'paystream/announcement' ? 'announcement' : null;
  if (kind === null) throw new WireError('type is none that this page knows');
  return {
    kind,
    description: document.description === undefined || document.description === null ? '' : asText(document.description, 'description'),
    pictureCid: typeof document.picture === 'string' ? cidOfUri(document.picture) : null,
    durationMs: document.duration_ms === undefined || document.duration_ms === null ? null : asInteger(document.duration_ms, 'duration_ms'),
  };
}

/** By its first bytes; null for whatever a browser should not be given as a picture (SVG is a program). */
export function pictureType(bytes: Uint8Array): 'image/jpeg' | 'image/png' | 'image/webp' | null {
  const starts = (...expected: number[]): boolean => expected.every((byte, index) => bytes[index] === byte);
  if (starts(0xff, 0xd8, 0xff)) return 'image/jpeg';
  if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) return 'image/png';
  const isRiff = starts(0x52, 0x49, 0x46, 0x46);
  return isRiff && [0x57, 0x45, 0x42, 0x50].every((byte, index) => bytes[8 + index] === byte) ? 'image/webp' : null;
}
