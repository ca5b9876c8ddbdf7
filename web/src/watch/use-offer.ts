import { useQuery } from '@tanstack/react-query';
import { Provider } from '../provider/client.ts';

/** What a provider asks for a content; asked again as often as said, and until it has answered once. */
export function useOffer(providerUrl: string | null, contentId: string, everyMs: number | false = false) {
  return useQuery({
    queryKey: ['offer', providerUrl, contentId],
    enabled: providerUrl !== null,
    queryFn: ({ signal }) => new Provider(providerUrl ?? '').offer(contentId, signal),
    refetchInterval: (query) => (everyMs === false && query.state.data === undefined ? 5_000 : everyMs),
  });
}
