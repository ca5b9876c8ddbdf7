import { useEffect } from 'react';
import { useServices } from '../services.tsx';
import { chainServers, rememberProviders } from './chain-servers.ts';
import { isSettled, keep } from './keeper.ts';
import { listChannels } from './store.ts';

const periodMs = 5_000;

/** While any page is open: looks after every channel that is not settled, one after the other. */
export function useKeeper(): void {
  const { config, indexer } = useServices();
  useEffect(() => {
    let stopped = false;
    let timer: ReturnType<typeof setTimeout>;
    const round = async (): Promise<void> => {
      for (const record of listChannels().filter((candidate) => !isSettled(candidate))) {
        if (stopped) return;
        try {
          if (config.bitcoin.network === 'regtest') rememberProviders(await providersOf(indexer, record.contentId));
          await keep(record, chainServers(config, record.providerUrl));
        } catch (error) {
          console.warn(`channel ${record.channelId} could not be looked after now`, error);
        }
      }
      if (!stopped) timer = setTimeout(() => void round(), periodMs);
    };
    void round();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [config, indexer]);
}

async function providersOf(
  indexer: { streams(id: string): Promise<readonly { url: string }[]> },
  contentId: string,
): Promise<readonly string[]> {
  const streams = await indexer.streams(contentId).catch(() => []);
  return streams.map((stream) => stream.url);
}
