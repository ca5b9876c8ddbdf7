/** The player of a stored video for a `<video>` element, and what the page shows of it. */
import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { storeAhead, storedAhead } from '../stored/buffer-ahead.ts';
import type { StoredVideo } from '../stored/offer.ts';
import { type PlayerState, StoredPlayer } from '../stored/player.ts';
import { playWithSound } from './use-video.ts';

export interface StoredPlayback {
  readonly video: RefObject<HTMLVideoElement | null>;
  readonly state: PlayerState | null;
  readonly aheadS: number;
  readonly setAhead: (seconds: number) => void;
  readonly retry: () => void;
}

export type Access =
  | {
      readonly kind: 'session';
      /** Null while the session has given none. */
      readonly token: string | null;
      readonly onChecked: (token: string, ms: number, bytes: number) => void;
      readonly onDamaged: (cid: string | null, detail: string) => void;
    }
  | { readonly kind: 'pass'; readonly token: string }
  | { readonly kind: 'free' };

export function useStoredPlayer(providerUrl: string, stored: StoredVideo, access: Access): StoredPlayback {
  const video = useRef<HTMLVideoElement>(null);
  const player = useRef<StoredPlayer | null>(null);
  const newest = useRef(access);
  newest.current = access;
  const [state, setState] = useState<PlayerState | null>(null);
  const [aheadS, setAheadS] = useState(() => storedAhead());
  const [firstAhead] = useState(aheadS);
  const { cid, size, durationMs, mimeType, picture, free } = stored;
  const passToken = access.kind === 'pass' ? access.token : null;
  const isSession = access.kind === 'session';

  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    const created = new StoredPlayer({
      video: element,
      providerUrl,
      stored: { cid, size, durationMs, mimeType, picture, free },
      access: isSession ? 'session' : { token: passToken },
      aheadS: firstAhead,
      onState: setState,
      onChecked: (token, ms, bytes) => newest.current.kind === 'session' && newest.current.onChecked(token, ms, bytes),
      onDamaged: (damaged, detail) => newest.current.kind === 'session' && newest.current.onDamaged(damaged, detail),
    });
    player.current = created;
    setState(created.state);
    if (newest.current.kind === 'session') created.setToken(newest.current.token);
    // It plays as soon as there is something to play.
    playWithSound(element);
    return () => {
      player.current = null;
      created.dispose();
    };
  }, [providerUrl, cid, size, durationMs, mimeType, picture, free, isSession, passToken, firstAhead]);

  const sessionToken = access.kind === 'session' ? access.token : null;
  useEffect(() => {
    if (isSession) player.current?.setToken(sessionToken);
  }, [isSession, sessionToken]);

  return {
    video,
    state,
    aheadS,
    setAhead: useCallback((seconds: number) => {
      const kept = storeAhead(seconds);
      setAheadS(kept);
      player.current?.setAhead(kept);
    }, []),
    retry: useCallback(() => player.current?.retry(), []),
  };
}
