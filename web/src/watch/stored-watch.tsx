/** A stored video being watched: paid by the second over a session, or opened by a bought view, or free. */
import type { ReactNode } from 'react';
import type { Content, Stream } from '../api/model.ts';
import type { ChannelRecord } from '../channels/store.ts';
import type { Offer } from '../provider/wire.ts';
import type { StoredVideo } from '../stored/offer.ts';
import { Meter } from './meter.tsx';
import { OtherProviders } from './other-providers.tsx';
import { StoredProblem } from './stored-problem.tsx';
import { StoredScreen } from './stored-screen.tsx';
import type { Watching } from './use-session.ts';
import { type Access, useStoredPlayer } from './use-stored-player.ts';
import { playWithSound, useVideo } from './use-video.ts';
import { VerifiedBadge } from './verified-badge.tsx';
import { storedStateInWords } from './words.ts';

/** The CID to check against is the registry's: a provider that offers another file has nothing to sell. */
export function objectionToStored(content: Content, stored: StoredVideo): string | null {
  return stored.cid === content.cid
    ? null
    : 'The provider offers another file than the creator registered: their CIDs differ. Choose another provider.';
}

export function StoredSession(props: {
  record: ChannelRecord;
  watching: Watching;
  offer: Offer;
  stored: StoredVideo;
  aside: ReactNode;
  children: ReactNode;
}) {
  const { record, watching, stored } = props;
  const { session } = watching;
  const playback = useStoredPlayer(record.providerUrl, stored, {
    kind: 'session',
    token: watching.mediaToken,
    onChecked: watching.onChecked,
    onDamaged: watching.onDamaged,
  });
  const now = useVideo(playback.video);
  const minConfirmations = props.offer.bitcoin?.minConfirmations ?? null;
  const toggle = (): void => {
    const element = playback.video.current;
    if (element === null) return;
    if (element.paused) playWithSound(element);
    else element.pause();
  };
  const over = session?.phase === 'ended' || session?.phase === 'refused' || session?.phase === 'leaving';
  return (
    <div className="watch">
      <StoredScreen
        playback={playback}
        providerUrl={record.providerUrl}
        stored={stored}
        note={over ? <h2>{session.phase === 'leaving' ? 'Closing the channel' : 'The end, for now'}</h2> : null}
      />
      <div className="watch-aside stack">
        <Meter
          record={record}
          watching={watching}
          minConfirmations={minConfirmations}
          stored={{
            words: (running) =>
              storedStateInWords(
                running,
                { ...now, problem: playback.state?.phase === 'stopped' || (playback.state?.problem ?? null) !== null },
                minConfirmations,
              ),
            playing: now.playing,
            stopped: playback.state?.phase === 'stopped',
            checkedMs: playback.state?.checkedMs ?? 0,
            onToggle: toggle,
          }}
        />
        <StoredProblem state={playback.state} onRetry={playback.retry} rate={BigInt(record.terms.msat_per_second)} />
        {props.aside}
        <VerifiedBadge cid={stored.cid} providerUrl={record.providerUrl} state={playback.state} />
      </div>
      {props.children}
    </div>
  );
}

/** Without a meter: what is free, or opened by a bought view. */
export function StoredOpen(props: {
  providerUrl: string;
  stored: StoredVideo;
  access: Extract<Access, { kind: 'pass' | 'free' }>;
  /** After the provider has refused the pass. */
  onPassRefused?: () => void;
  /** Who else carries it. */
  others: readonly Stream[];
  onProvider: (provider: string) => void;
  aside: ReactNode;
  children: ReactNode;
}) {
  const { stored, access, others } = props;
  const playback = useStoredPlayer(props.providerUrl, stored, access);
  const ended = playback.state?.problem?.kind === 'pass_ended';
  return (
    <div className="watch">
      <StoredScreen playback={playback} providerUrl={props.providerUrl} stored={stored} note={null} />
      <div className="watch-aside stack">
        <section className="card stack-s" aria-label="Access" data-testid="stored-open" data-access={access.kind}>
          <h2>{access.kind === 'free' ? 'Free to watch' : 'Your view is open'}</h2>
          <p className="quiet">
            {access.kind === 'free'
              ? 'Its provider gives this video to everybody. Nothing is paid.'
              : 'You have bought this view: nothing more is paid.'}
          </p>
          {ended && props.onPassRefused !== undefined && (
            <button type="button" className="button" onClick={props.onPassRefused}>
              See the offer again
            </button>
          )}
        </section>
        <StoredProblem state={playback.state} onRetry={playback.retry} rate={null} />
        {playback.state?.problem != null && <OtherProviders others={others} onProvider={props.onProvider} />}
        {props.aside}
        <VerifiedBadge cid={stored.cid} providerUrl={props.providerUrl} state={playback.state} />
      </div>
      {props.children}
    </div>
  );
}
