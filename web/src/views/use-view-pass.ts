import { useMemo, useState } from 'react';
import { useConnection } from 'wagmi';
import type { Stream } from '../api/model.ts';
import { forgetPass, storedPass, storePass, type ViewPass } from './pass.ts';

export interface HeldPass {
  /** Of the connected account, for this content from this provider; the same object until it changes. */
  readonly pass: ViewPass | null;
  readonly keep: (pass: ViewPass) => void;
  /** After the provider has refused it. */
  readonly drop: () => void;
}

export function useViewPass(contentId: string, stream: Stream | null): HeldPass {
  const { address } = useConnection();
  const [changes, setChanges] = useState(0);
  const url = stream?.url;
  return useMemo(() => {
    const changed = (): void => setChanges(changes + 1);
    if (address === undefined || url === undefined) return { pass: null, keep: () => undefined, drop: () => undefined };
    return {
      pass: storedPass(url, contentId, address),
      keep: (pass) => {
        storePass(url, contentId, address, pass);
        changed();
      },
      drop: () => {
        forgetPass(url, contentId, address);
        changed();
      },
    };
  }, [address, url, contentId, changes]);
}
