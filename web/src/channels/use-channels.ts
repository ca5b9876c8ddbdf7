import { useCallback, useRef, useSyncExternalStore } from 'react';
import { type ChannelRecord, listChannels, onChannelsChanged, writeRecord } from './store.ts';

/** All channels of this browser, kept fresh over tabs. */
export function useChannels(): readonly ChannelRecord[] {
  const cache = useRef<{ text: string; records: readonly ChannelRecord[] }>({ text: '', records: [] });
  const snapshot = useCallback(() => {
    const records = listChannels();
    const text = records.map(writeRecord).join();
    if (text !== cache.current.text) cache.current = { text, records };
    return cache.current.records;
  }, []);
  return useSyncExternalStore(onChannelsChanged, snapshot);
}
