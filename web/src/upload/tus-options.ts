/** How the page speaks tus 1.0 to a streamer: what is retried, what is not, and what an upload is remembered by. Pure. */
import { ProviderError } from '../provider/client.ts';

/** One PATCH: small enough for a slow line within the streamer's patience, large enough that a round trip does not matter. */
export const chunkBytes = 8 * 1024 * 1024;

/** Begun anew whenever a chunk has arrived: a line may be gone for two minutes. */
export const retryDelays: readonly number[] = [0, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000];

export interface FileFacts {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly lastModified: number;
}

/** One file of one account at one streamer: what an interrupted upload is found by. */
export function fingerprintOf(file: FileFacts, endpoint: string, account: string): string {
  return ['paystream', account.toLowerCase(), endpoint, file.size, file.lastModified, file.type, file.name].join('|');
}

export function metadataOf(file: FileFacts, title: string, description: string): Record<string, string> {
  return { title: title.trim(), description: description.trim(), filename: file.name, filetype: file.type };
}

/** Whether the same request may succeed a little later. `status` 0: no answer came. */
export function mayRetry(status: number): boolean {
  // 409: the offset moved, 423: locked by the request before; tus asks for the offset again.
  if (status === 409 || status === 423 || status === 429 || status === 408) return true;
  // 507 is "no room", which no waiting cures.
  return (status < 400 || status >= 500) && status !== 507;
}

/** The id of the item is the last segment of the upload's address. */
export function itemIdOf(uploadUrl: string): string {
  const { pathname } = new URL(uploadUrl);
  return decodeURIComponent(pathname.replace(/\/+$/, '').split('/').at(-1) ?? '');
}

/** An answer that ended an upload, as everything else that a provider refuses. */
export function problemOf(status: number, body: string): ProviderError {
  let problem: { code?: unknown; detail?: unknown; title?: unknown } = {};
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json === 'object' && json !== null) problem = json;
  } catch {
    // Something between the page and the streamer answered in its own way.
  }
  if (status === 0) return new ProviderError('unreachable', 0, '');
  const code = typeof problem.code === 'string' ? problem.code : `http_${status}`;
  const said = [problem.detail, problem.title].find((text): text is string => typeof text === 'string' && text !== '');
  if (said !== undefined) return new ProviderError(code, status, said);
  return new ProviderError(
    code,
    status,
    status === 413 ? 'The file is larger than this streamer takes.' : `The streamer answered ${status}.`,
  );
}

/** Null, or why this file needs no upload to be refused. What a video is only the streamer can say. */
export function objectionToFile(file: FileFacts): string | null {
  if (file.size === 0) return `“${file.name}” is empty.`;
  if (/^(image|text|font)\//.test(file.type) || file.type === 'application/pdf') return `“${file.name}” is not a video.`;
  return null;
}

/** A title from the file's name: no folder, no ending, no underscores. */
export function titleFrom(name: string): string {
  const bare = name.replace(/^.*[/\\]/, '').replace(/\.[A-Za-z0-9]{1,5}$/, '');
  return bare
    .replaceAll('_', ' ')
    .replace(/\p{Cc}/gu, '')
    .trim()
    .slice(0, 120);
}

const longestTitleBytes = 256;
const longestDescriptionBytes = 5_000;

/** Null, or what is wrong with what was typed: the registry bounds a name, the streamer a description, both in bytes. */
export function objectionToWords(title: string, description: string): string | null {
  const bytes = (text: string): number => new TextEncoder().encode(text).length;
  if (bytes(title.trim()) > longestTitleBytes) return 'The title is too long: the registry takes 256 bytes.';
  if (bytes(description.trim()) > longestDescriptionBytes)
    return 'The description is too long: 5000 bytes are taken, about as many letters.';
  return null;
}
