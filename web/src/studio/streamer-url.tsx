/** The streamer that carries a creator's content: the one used last, else one that the indexer knows. */
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useId, useSyncExternalStore } from 'react';
import { useServices } from '../services.tsx';

const key = 'paystream.streamer';
const changed = 'paystream:streamer';

/** One choice for all forms of the page. */
function onEntered(listener: () => void): () => void {
  globalThis.addEventListener(changed, listener);
  return () => globalThis.removeEventListener(changed, listener);
}

export function useStreamerUrl(): { url: string; field: ReactNode } {
  const { indexer } = useServices();
  const id = useId();
  const entered = useSyncExternalStore(onEntered, () => localStorage.getItem(key));
  const known = useQuery({
    queryKey: ['known-streamers'],
    staleTime: 60_000,
    queryFn: async ({ signal }) => {
      const { items } = await indexer.contents({}, signal);
      const streams = await Promise.all(items.slice(0, 10).map((content) => indexer.streams(content.contentId, signal)));
      return [...new Set(streams.flat().map((stream) => stream.url))];
    },
  });
  const text = entered ?? known.data?.[0] ?? '';
  const url = /^https?:\/\//.test(text) && URL.canParse(text) ? text.replace(/\/+$/, '') : '';
  const change = (value: string): void => {
    localStorage.setItem(key, value);
    globalThis.dispatchEvent(new Event(changed));
  };
  const field = (
    <label className="field">
      <span>Streamer</span>
      <input
        className="input mono"
        list={id}
        placeholder="https://…"
        value={text}
        onChange={(event) => change(event.target.value)}
        data-testid="streamer-url"
      />
      <datalist id={id}>
        {known.data?.map((option) => (
          <option key={option} value={option} />
        ))}
      </datalist>
      {url === '' ? (
        <span className="hint" role="status" data-testid="streamer-hint">
          Enter the address of a streamer, with its https://. A streamer that you run yourself will do.
        </span>
      ) : (
        <span className="hint">The provider that carries your content to viewers and earns the rest of each payment.</span>
      )}
    </label>
  );
  return { url, field };
}
