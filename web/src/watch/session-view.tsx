import type { ReactNode } from 'react';
import type { Content } from '../api/model.ts';
import { type ChannelRecord, updateChannel } from '../channels/store.ts';
import type { Offer } from '../provider/wire.ts';
import { looksStored } from '../stored/kind.ts';
import { Problem } from '../ui/action-button.tsx';
import { About } from './about.tsx';
import { ConnectionDetails } from './connection-details.tsx';
import { Meter } from './meter.tsx';
import { Screen } from './screen.tsx';
import { objectionToStored, StoredSession } from './stored-watch.tsx';
import { useOffer } from './use-offer.ts';
import { useSession, type Watching } from './use-session.ts';

interface Props {
  readonly record: ChannelRecord;
  readonly content: Content | null;
  readonly onRestart: () => void;
}

/** A funded channel being watched. What is watched decides how it is metered, so that is known first. */
export function SessionView(props: Props) {
  const { record, content } = props;
  const offer = useOffer(record.providerUrl, record.contentId);
  // While nobody says what it is, nothing is paid by the clock: a video is paid for what was checked, and so far that is nothing.
  const isStored =
    offer.data !== undefined ? offer.data.stored !== null : content !== null ? looksStored(content.cid) : offer.isError ? true : null;
  if (isStored === null) return <div className="skeleton" style={{ height: 420 }} aria-hidden="true" />;
  return isStored ? <Stored {...props} offer={offer.data ?? null} /> : <Live {...props} offer={offer.data ?? null} />;
}

function Live({ record, content, onRestart, offer }: Props & { offer: Offer | null }) {
  const watching = useSession(record.channelId, 'clock');
  const { session } = watching;
  const paused = session !== null && !session.paying && session.phase === 'active' && !session.gate.open;
  return (
    <div className="watch">
      <Screen
        seed={record.contentId}
        stream={watching.stream}
        note={
          paused ? (
            <>
              <h2>Paused</h2>
              <p>No payment, no video: the meter stands still.</p>
              <button type="button" className="button primary" onClick={watching.resume}>
                Resume
              </button>
            </>
          ) : null
        }
      />
      <div className="watch-aside stack">
        <Meter record={record} watching={watching} minConfirmations={offer?.bitcoin?.minConfirmations ?? null} />
        <Notices record={record} watching={watching} onRestart={onRestart} />
        {watching.playbackProblem !== null && <Problem>{watching.playbackProblem}</Problem>}
        <ConnectionDetails stats={watching.stats} />
      </div>
      <Title record={record} content={content} />
    </div>
  );
}

function Stored({ record, content, onRestart, offer }: Props & { offer: Offer | null }) {
  const watching = useSession(record.channelId, 'checked');
  const stored = offer?.stored ?? null;
  const notices = <Notices record={record} watching={watching} onRestart={onRestart} />;
  const title = <Title record={record} content={content} />;
  const objection = stored === null || content === null ? null : objectionToStored(content, stored);
  if (offer !== null && stored !== null && content !== null && objection === null) {
    return (
      <StoredSession record={record} watching={watching} offer={offer} stored={stored} aside={notices}>
        {title}
      </StoredSession>
    );
  }
  let why: ReactNode = <p>Looking up what the creator registered.</p>;
  if (objection !== null) why = <p>{objection}</p>;
  else if (stored === null) why = <p>The provider of this video does not answer. Nothing is paid meanwhile.</p>;
  return (
    <div className="watch">
      <Screen seed={record.contentId} stream={null} note={why} />
      <div className="watch-aside stack">
        <Meter record={record} watching={watching} minConfirmations={offer?.bitcoin?.minConfirmations ?? null} />
        {objection !== null && <Problem>{objection}</Problem>}
        {notices}
      </div>
      {title}
    </div>
  );
}

function Notices({ record, watching, onRestart }: { record: ChannelRecord; watching: Watching; onRestart: () => void }) {
  const { session } = watching;
  return (
    <>
      {session?.phase === 'ended' && session.end?.reason === 'replaced' && (
        <button type="button" className="button" onClick={onRestart}>
          Watch here instead
        </button>
      )}
      {session?.phase === 'refused' && (
        <button type="button" className="button" onClick={() => updateChannel(record.channelId, (now) => ({ ...now, left: true }))}>
          Give this channel up
        </button>
      )}
      {session?.notice?.code === 'capacity_low' && (
        <p className="notice">The channel is nearly used up. Leave to settle it, and open another one to go on.</p>
      )}
      {session?.notice?.code === 'payment_required' && <p className="notice bad">{session.notice.detail}</p>}
    </>
  );
}

function Title({ record, content }: { record: ChannelRecord; content: Content | null }) {
  return content !== null ? <About content={content} /> : <h1 className="about">{record.title}</h1>;
}
