import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Content, Stream } from '../api/model.ts';
import { type ChannelRecord, updateChannel } from '../channels/store.ts';
import { useChannels } from '../channels/use-channels.ts';
import { formatShare, shorten } from '../money.ts';
import { Provider } from '../provider/client.ts';
import { useServices } from '../services.tsx';
import { Problem } from '../ui/action-button.tsx';
import { CopyLine } from '../ui/copy.tsx';
import { useViewPass } from '../views/use-view-pass.ts';
import { BuyView } from '../watch/buy-view.tsx';
import { ConnectionDetails } from '../watch/connection-details.tsx';
import { FundPanel } from '../watch/fund-panel.tsx';
import { Meter } from '../watch/meter.tsx';
import { OfferPanel } from '../watch/offer-panel.tsx';
import { Screen } from '../watch/screen.tsx';
import { Settlement } from '../watch/settlement.tsx';
import { useSession } from '../watch/use-session.ts';

export function ContentPage({ contentId }: { contentId: string }) {
  const { indexer } = useServices();
  const id = contentId.toLowerCase();
  const content = useQuery({ queryKey: ['content', id], queryFn: ({ signal }) => indexer.content(id, signal), refetchInterval: 5_000 });
  const streams = useQuery({ queryKey: ['streams', id], queryFn: ({ signal }) => indexer.streams(id, signal), refetchInterval: 10_000 });
  const channels = useChannels().filter((record) => record.contentId === id);
  const [chosen, setChosen] = useState<string | null>(null);
  const [dismissed, setDismissed] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);

  const stream = pick(streams.data ?? [], chosen);
  const held = useViewPass(id, stream);

  const newest = channels[0];
  const running = newest !== undefined && !newest.left && newest.outcome.kind === 'running' ? newest : null;
  if (running !== null && running.funding.length > 0) {
    return (
      <Session
        key={`${running.channelId}-${attempt}`}
        record={running}
        content={content.data ?? null}
        onRestart={() => setAttempt((now) => now + 1)}
      />
    );
  }
  if (content.isPending) return <div className="skeleton" style={{ height: 420 }} aria-hidden="true" />;
  if (content.isError) return <Problem>{content.error.message}</Problem>;

  const ended = newest?.left === true && newest.channelId !== dismissed ? newest : null;
  return (
    <div className="watch">
      <Screen stream={null} seed={id} note={<ScreenNote content={content.data} stream={stream} running={running} ended={ended} />} />
      <div className="watch-aside stack">
        {ended !== null && <Ended record={ended} onDismiss={() => setDismissed(ended.channelId)} />}
        {ended === null && running !== null && <FundPanel record={running} />}
        {ended === null && running === null && stream !== null && (
          <Offered content={content.data} stream={stream} streams={streams.data ?? []} onProvider={setChosen} />
        )}
        {ended === null && running === null && stream === null && streams.isSuccess && (
          <section className="card stack">
            <h2>Nobody carries this yet</h2>
            <p className="quiet">No provider has registered a stream of this content. It appears here as soon as one does.</p>
          </section>
        )}
        {streams.isError && <Problem>{streams.error.message}</Problem>}
        <BuyView content={content.data} stream={stream} pass={held.pass} onPass={held.keep} />
      </div>
      <About content={content.data} />
    </div>
  );
}

function Session({ record, content, onRestart }: { record: ChannelRecord; content: Content | null; onRestart: () => void }) {
  const watching = useSession(record.channelId);
  const offer = useQuery({
    queryKey: ['offer', record.providerUrl, record.contentId],
    queryFn: ({ signal }) => new Provider(record.providerUrl).offer(record.contentId, signal),
  });
  const { session } = watching;
  const replaced = session?.phase === 'ended' && session.end?.reason === 'replaced';
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
        <Meter record={record} watching={watching} minConfirmations={offer.data?.bitcoin?.minConfirmations ?? null} />
        {replaced && (
          <button type="button" className="button" onClick={onRestart}>
            Watch here instead
          </button>
        )}
        {session?.phase === 'refused' && (
          <button type="button" className="button" onClick={() => updateChannel(record.channelId, (now) => ({ ...now, left: true }))}>
            Give this channel up
          </button>
        )}
        {watching.playbackProblem !== null && <Problem>{watching.playbackProblem}</Problem>}
        {session?.notice !== null && session !== null && session.notice.code === 'capacity_low' && (
          <p className="notice">The channel is nearly used up. Leave to settle it, and open another one to go on.</p>
        )}
        <ConnectionDetails stats={watching.stats} />
      </div>
      {content !== null ? <About content={content} /> : <h1 className="about">{record.title}</h1>}
    </div>
  );
}

function Offered(props: { content: Content; stream: Stream; streams: readonly Stream[]; onProvider: (provider: string) => void }) {
  const { content, stream } = props;
  const offer = useQuery({
    queryKey: ['offer', stream.url, content.contentId],
    queryFn: ({ signal }) => new Provider(stream.url).offer(content.contentId, signal),
    refetchInterval: 10_000,
  });
  if (offer.isPending) return <div className="skeleton" style={{ height: 340 }} aria-hidden="true" />;
  if (offer.isError) {
    return (
      <section className="card stack">
        <h2>No offer right now</h2>
        <Problem>{offer.error.message}</Problem>
        {props.streams.length > 1 && (
          <div className="row">
            {props.streams
              .filter((other) => other.provider !== stream.provider)
              .map((other) => (
                <button key={other.provider} type="button" className="button small" onClick={() => props.onProvider(other.provider)}>
                  Try {other.url}
                </button>
              ))}
          </div>
        )}
      </section>
    );
  }
  return <OfferPanel {...props} offer={offer.data} />;
}

function Ended({ record, onDismiss }: { record: ChannelRecord; onDismiss: () => void }) {
  return (
    <section className="card stack" aria-label="Settlement">
      <h2>Thank you for watching</h2>
      <Settlement record={record} />
      <div className="row">
        <button type="button" className="button primary" onClick={onDismiss} data-testid="watch-again">
          Watch again
        </button>
        <Link href="/channels" className="button">
          All channels
        </Link>
      </div>
    </section>
  );
}

function ScreenNote(props: { content: Content; stream: Stream | null; running: ChannelRecord | null; ended: ChannelRecord | null }) {
  const { content, stream, running, ended } = props;
  if (!content.active) {
    return (
      <>
        <h2>Withdrawn</h2>
        <p>The creator no longer offers this.</p>
      </>
    );
  }
  if (ended !== null) return <h2>The end, for now</h2>;
  if (running !== null) {
    return (
      <>
        <h2>Ready when you are</h2>
        <p>
          {stream?.liveness === 'offline'
            ? 'Off air now: the picture starts with the broadcast.'
            : 'Fund the channel and the picture starts.'}
        </p>
      </>
    );
  }
  if (stream === null || stream.liveness === 'offline') {
    return (
      <>
        <h2>Off air</h2>
        <p>Nobody is broadcasting this now.</p>
      </>
    );
  }
  return (
    <>
      <h2>{content.live === true ? 'Live now' : 'On the programme'}</h2>
      <p>Choose how long you may want to watch. You pay by the second and get the rest back.</p>
    </>
  );
}

function About({ content }: { content: Content }) {
  return (
    <section className="stack about">
      <div className="row">
        <h1 data-testid="content-title">{content.name}</h1>
        {content.live === true && <span className="badge live">Live</span>}
        {!content.active && <span className="badge">Withdrawn</span>}
      </div>
      <p className="quiet">
        by <span className="mono">{shorten(content.creator)}</span>, who gets {formatShare(content.terms.creatorShareBps)} of every payment
        ·{' '}
        <span data-testid="view-count" data-value={content.views}>
          {content.views}
        </span>{' '}
        {content.views === 1 ? 'view' : 'views'} bought on Ethereum
      </p>
      <details>
        <summary>Registered as</summary>
        <div className="stack-s">
          <CopyLine value={content.contentId} label="the content id" />
          <CopyLine value={content.cid} label="the CID" />
        </div>
      </details>
    </section>
  );
}

/** The chosen provider, else a live one, else any. */
function pick(streams: readonly Stream[], chosen: string | null): Stream | null {
  return (
    streams.find((stream) => stream.provider === chosen) ??
    streams.find((stream) => stream.liveness === 'live') ??
    streams.find((stream) => stream.liveness === 'unknown') ??
    streams[0] ??
    null
  );
}
