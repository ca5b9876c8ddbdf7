import { useQuery } from '@tanstack/react-query';
import { firstAnswer } from '../esplora/client.ts';
import { useServices } from '../services.tsx';
import { chainServers } from './chain-servers.ts';

/** Bitcoin's height as the page's own chain servers see it. */
export function useTip(providerUrl: string | null, enabled = true) {
  const { config } = useServices();
  const servers = chainServers(config, providerUrl);
  return useQuery({
    queryKey: ['tip', servers.map((server) => server.url).join()],
    queryFn: () => firstAnswer(chainServers(config, providerUrl), (server) => server.tipHeight()),
    refetchInterval: 5_000,
    retry: false,
    enabled,
  });
}
