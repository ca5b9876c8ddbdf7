/** A poster, checked against its CID as everything else: an address for the `<video>`, or null. */
import { useEffect, useState } from 'react';
import { readWhole } from '../stored/read.ts';

const largestPosterBytes = 8 * 1024 * 1024;

export function usePoster(providerUrl: string, cid: string | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (cid === null) return;
    const abort = new AbortController();
    let made: string | null = null;
    readWhole(providerUrl, cid, largestPosterBytes, abort.signal)
      .then((bytes) => {
        if (abort.signal.aborted) return;
        made = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>]));
        setUrl(made);
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) console.warn('the poster is not shown:', error);
      });
    return () => {
      abort.abort();
      setUrl(null);
      if (made !== null) URL.revokeObjectURL(made);
    };
  }, [providerUrl, cid]);
  return url;
}
