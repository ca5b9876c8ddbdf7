import { useQuery } from '@tanstack/react-query';
import { Provider } from '../provider/client.ts';

/** What a provider asks for a content; asked again as often as said. */
export function useOffer(providerUrl: string | null, contentId: string, everyMs: number | false = false) {
  return useQuery({
    queryKey: ['offer', providerUrl, contentId],
    enabled: providerUrl !== null,
    queryFn: ({ signal }) => new Provider(providerUrl ?? '').offer(contentId, signal),
    refetchInterval: everyMs,
  });
}
