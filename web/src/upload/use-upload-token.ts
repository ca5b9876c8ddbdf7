/** The creator's token at a streamer: kept for the tab, else one signature. */
import { useMemo, useSyncExternalStore } from 'react';
import type { Address } from 'viem';
import { useSignMessage } from 'wagmi';
import { Provider, ProviderError } from '../provider/client.ts';
import { forgetGrant, grantKey, storedGrant, storeGrant } from '../provider/grants.ts';
import { objectionTo, type Purpose } from '../provider/sign-in.ts';
import { useServices } from '../services.tsx';

const changed = 'paystream:grant';

function onChanged(listener: () => void): () => void {
  globalThis.addEventListener(changed, listener);
  return () => globalThis.removeEventListener(changed, listener);
}

/** A signature that is being asked for, by the key of its grant: two forms that need it at once ask once. */
const asking = new Map<string, Promise<string>>();

export interface UploadToken {
  /** Null: nobody has signed in, or not lately. */
  readonly token: string | null;
  readonly signIn: () => Promise<string>;
  readonly forget: () => void;
  /** Runs with a token; with another one when the streamer no longer takes the first. */
  readonly withToken: <T>(act: (token: string) => Promise<T>) => Promise<T>;
}

export function useUploadToken(streamerUrl: string, account: Address): UploadToken {
  const { config } = useServices();
  const { mutateAsync: signMessage } = useSignMessage();
  const key = grantKey('upload', streamerUrl, account);
  const token = useSyncExternalStore(onChanged, () => (streamerUrl === '' ? null : (storedGrant(key)?.token ?? null)));
  return useMemo(() => {
    const forget = (): void => {
      forgetGrant(key);
      globalThis.dispatchEvent(new Event(changed));
    };
    const ask = async (): Promise<string> => {
      const provider = new Provider(streamerUrl);
      const purpose: Purpose = { purpose: 'upload' };
      const message = await provider.challenge(account, purpose);
      const objection = objectionTo(message, { providerUrl: streamerUrl, address: account, chainId: config.chain.id, purpose });
      if (objection !== null) throw new Error(objection);
      const grant = await provider.uploadToken(message, await signMessage({ account, message }));
      storeGrant(key, grant);
      globalThis.dispatchEvent(new Event(changed));
      return grant.token;
    };
    const signIn = async (): Promise<string> => {
      const stored = storedGrant(key);
      if (stored !== null) return stored.token;
      const asked = asking.get(key) ?? ask().finally(() => asking.delete(key));
      asking.set(key, asked);
      return asked;
    };
    const withToken = async <T>(act: (token: string) => Promise<T>): Promise<T> => {
      try {
        return await act(await signIn());
      } catch (error) {
        if (!(error instanceof ProviderError) || error.status !== 401) throw error;
        forget();
        return act(await signIn());
      }
    };
    return { token, signIn, forget, withToken };
  }, [key, token, streamerUrl, account, config.chain.id, signMessage]);
}
