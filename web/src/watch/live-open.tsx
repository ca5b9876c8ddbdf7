/** A live stream that a bought view has opened: no session, and no meter. */
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Playback, type PlaybackState, type PlaybackStats } from '../media/whep.ts';
import { Problem } from '../ui/action-button.tsx';
import { ConnectionDetails } from './connection-details.tsx';
import { Screen } from './screen.tsx';

interface Playing {
  readonly state: PlaybackState;
  readonly problem: string | null;
  readonly stream: MediaStream | null;
  readonly stats: () => Promise<PlaybackStats | null>;
}

function usePassPlayback(endpoint: string, token: string): Playing {
  const player = useRef<Playback | null>(null);
  const [now, setNow] = useState<{ state: PlaybackState; problem: string | null }>({ state: 'connecting', problem: null });
  const [stream, setStream] = useState<MediaStream | null>(null);
  useEffect(() => {
    const created = new Playback({
      endpoint,
      token,
      onStream: setStream,
      onState: (state, problem) => player.current === created && setNow({ state, problem }),
    });
    player.current = created;
    void created.start();
    return () => {
      player.current = null;
      created.stop();
      setStream(null);
    };
  }, [endpoint, token]);
  const [stats] = useState(() => async () => (await player.current?.stats()) ?? null);
  return { ...now, stream, stats };
}

export function LiveOpen(props: {
  providerUrl: string;
  contentId: string;
  /** Of the pass. */
  token: string;
  /** After the provider has refused the pass. */
  onPassRefused: () => void;
  aside: ReactNode;
  children: ReactNode;
}) {
  const { contentId } = props;
  const playing = usePassPlayback(`${props.providerUrl.replace(/\/+$/, '')}/whep/${contentId}`, props.token);
  const ended = playing.state === 'closed';
  return (
    <div className="watch">
      <Screen
        seed={contentId}
        stream={ended ? null : playing.stream}
        note={
          ended ? (
            <h2>Your view has ended</h2>
          ) : playing.stream === null ? (
            <>
              <h2>Your view is open</h2>
              <p>The picture starts with the broadcast.</p>
            </>
          ) : null
        }
      />
      <div className="watch-aside stack">
        <section className="card stack-s" aria-label="Access" data-testid="live-open" data-state={playing.state}>
          <h2>{ended ? 'Your view has ended' : 'Your view is open'}</h2>
          <p className="quiet">
            {ended ? 'It has ended, or this provider does not know it.' : 'You have bought this view: nothing more is paid.'}
          </p>
          {ended && (
            <button type="button" className="button" onClick={props.onPassRefused}>
              See the offer again
            </button>
          )}
        </section>
        {playing.problem !== null && <Problem>{playing.problem}</Problem>}
        {props.aside}
        <ConnectionDetails stats={playing.stats} />
      </div>
      {props.children}
    </div>
  );
}
