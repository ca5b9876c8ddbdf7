import { useQuery } from '@tanstack/react-query';
import type { Content } from '../api/model.ts';
import { useServices } from '../services.tsx';
import { fetchBlock, fetchFile } from './fetch-block.ts';
import { cidOfUri, longestDocument, type Metadata, pictureType, readMetadata } from './metadata.ts';

/** So many providers are asked before a card stays without its picture. */
const mostProviders = 3;
/** A poster of many blocks is fetched up to here. */
const largestPoster = 4 * 1024 * 1024;
/** What a CID names never changes. */
const forGood = { staleTime: Number.POSITIVE_INFINITY, retry: 1, refetchOnWindowFocus: false } as const;

export interface Shown {
  readonly metadata: Metadata | null;
  /** An address of this page's own, of bytes that have been checked. */
  readonly poster: string | null;
}

/** `wanted` false: nothing is asked of anybody yet. */
export function useMetadata(content: Content, wanted: boolean): Shown {
  const { indexer } = useServices();
  const cid = cidOfUri(content.metadataUri);
  const providers = useQuery({
    queryKey: ['carriers', content.contentId],
    enabled: wanted && cid !== null,
    staleTime: 60_000,
    queryFn: async ({ signal }) => (await indexer.streams(content.contentId, signal)).slice(0, mostProviders).map(({ url }) => url),
  });
  const urls = providers.data ?? [];
  const metadata = useQuery({
    queryKey: ['metadata', cid],
    enabled: wanted && cid !== null && urls.length > 0,
    ...forGood,
    queryFn: async ({ signal }) => readMetadata(await fetchBlock(urls, cid ?? '', longestDocument, signal)),
  });
  const pictureCid = metadata.data?.pictureCid ?? null;
  const poster = useQuery({
    queryKey: ['poster', pictureCid],
    enabled: wanted && pictureCid !== null && urls.length > 0,
    ...forGood,
    // Kept as long as its address may be shown.
    gcTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      const bytes = await fetchFile(urls, pictureCid ?? '', largestPoster, signal);
      const type = pictureType(bytes);
      return type === null ? null : URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type }));
    },
  });
  return { metadata: metadata.data ?? null, poster: poster.data ?? null };
}
