import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Link } from 'wouter';
import type { Content, Stream } from '../api/model.ts';
import type { ChannelRecord } from '../channels/store.ts';
import { channelToWatch } from '../channels/to-watch.ts';
import { useChannels } from '../channels/use-channels.ts';
import { useServices } from '../services.tsx';
import { looksStored } from '../stored/kind.ts';
import { Problem } from '../ui/action-button.tsx';
import { useViewPass } from '../views/use-view-pass.ts';
import { About } from '../watch/about.tsx';
import { BuyView } from '../watch/buy-view.tsx';
import { FundPanel } from '../watch/fund-panel.tsx';
import { LiveOpen } from '../watch/live-open.tsx';
import { OfferPanel } from '../watch/offer-panel.tsx';
import { OtherProviders } from '../watch/other-providers.tsx';
import { Screen } from '../watch/screen.tsx';
import { SessionView } from '../watch/session-view.tsx';
import { Settlement } from '../watch/settlement.tsx';
import { objectionToStored, StoredOpen } from '../watch/stored-watch.tsx';
import { useOffer } from '../watch/use-offer.ts';

export function ContentPage({ contentId }: { contentId: string }) {
  const { indexer } = useServices();
  const id = contentId.toLowerCase();
  const content = useQuery({ queryKey: ['content', id], queryFn: ({ signal }) => indexer.content(id, signal), refetchInterval: 5_000 });
  const streams = useQuery({ queryKey: ['streams', id], queryFn: ({ signal }) => indexer.streams(id, signal), refetchInterval: 10_000 });
  const channels = useChannels().filter((record) => record.contentId === id);
  const [chosen, setChosen] = useState<string | null>(null);
  const [watched, setWatched] = useState<Stream | null>(null);
  const [dismissed, setDismissed] = useState<string | null>(null);
  const [attempt, setAttempt] = useState(0);

  const listed = streams.data ?? [];
  const stream = pick(listed, watched?.provider === chosen ? watched : null, chosen);
  const others = listed.filter((other) => other.provider !== stream?.provider);
  const offer = useOffer(stream?.url ?? null, id, 10_000);
  const held = useViewPass(id, stream);

  // Whoever watches stays with their provider, whatever becomes of the list.
  const watches = stream !== null && (offer.data?.stored?.free === true || held.pass !== null);
  useEffect(() => {
    if (!watches) return;
    setChosen(stream.provider);
    setWatched(stream);
  }, [watches, stream]);

  const { running, ended } = channelToWatch(channels, dismissed);
  if (running !== null && running.funding.length > 0) {
    return (
      <SessionView
        key={`${running.channelId}-${attempt}`}
        record={running}
        content={content.data ?? null}
        onRestart={() => setAttempt((now) => now + 1)}
      />
    );
  }
  // What was known before the indexer went away stands: nobody's video stops for it.
  if (content.data === undefined) {
    return content.isError ? (
      <Problem>{content.error.message}</Problem>
    ) : (
      <div className="skeleton" style={{ height: 420 }} aria-hidden="true" />
    );
  }

  const stored = offer.data?.stored ?? null;
  const objection = stored === null ? null : objectionToStored(content.data, stored);
  const isVideo = stored !== null || (offer.data === undefined && looksStored(content.data.cid));
  const buy = <BuyView content={content.data} stream={stream} stored={isVideo} pass={held.pass} onPass={held.keep} />;
  const about = <About content={content.data} />;
  // Watched at once: what is free, and what a bought view opens.
  const access =
    stored?.free === true ? ({ kind: 'free' } as const) : held.pass === null ? null : ({ kind: 'pass', token: held.pass.token } as const);
  const mayOpen = running === null && ended === null && content.data.active;
  if (stream !== null && stored !== null && objection === null && access !== null && mayOpen) {
    return (
      <StoredOpen
        key={`${stream.provider}-${access.kind}`}
        providerUrl={stream.url}
        stored={stored}
        access={access}
        onPassRefused={held.drop}
        others={others}
        onProvider={setChosen}
        aside={stored.free ? null : buy}
      >
        {about}
      </StoredOpen>
    );
  }
  if (stream !== null && held.pass !== null && offer.data !== undefined && !isVideo && mayOpen) {
    return (
      <LiveOpen key={stream.provider} providerUrl={stream.url} contentId={id} token={held.pass.token} onPassRefused={held.drop} aside={buy}>
        {about}
      </LiveOpen>
    );
  }
  return (
    <div className="watch">
      <Screen
        stream={null}
        seed={id}
        note={
          <ScreenNote
            content={content.data}
            stream={stream}
            running={running}
            ended={ended}
            isVideo={isVideo}
            unreachable={offer.isError}
          />
        }
        {...(stored?.picture == null || stream === null ? {} : { poster: { providerUrl: stream.url, cid: stored.picture } })}
      />
      <div className="watch-aside stack">
        {ended !== null && <Ended record={ended} onDismiss={() => setDismissed(ended.channelId)} />}
        {ended === null && running !== null && <FundPanel record={running} />}
        {ended === null && running === null && stream !== null && objection !== null && <Problem>{objection}</Problem>}
        {ended === null && running === null && stream !== null && objection === null && (
          <Offered content={content.data} stream={stream} streams={streams.data ?? []} onProvider={setChosen} />
        )}
        {ended === null && running === null && stream === null && streams.isSuccess && (
          <section className="card stack">
            <h2>Nobody carries this yet</h2>
            <p className="quiet">No provider has registered a stream of this content. It appears here as soon as one does.</p>
          </section>
        )}
        {streams.isError && <Problem>{streams.error.message}</Problem>}
        {buy}
      </div>
      {about}
    </div>
  );
}

function Offered(props: { content: Content; stream: Stream; streams: readonly Stream[]; onProvider: (provider: string) => void }) {
  const { content, stream } = props;
  const offer = useOffer(stream.url, content.contentId, 10_000);
  if (offer.isPending) return <div className="skeleton" style={{ height: 340 }} aria-hidden="true" />;
  // What has been typed into an offer stays while its provider is away for a moment: it is asked again before anything is opened.
  if (offer.data === undefined) {
    return (
      <section className="card stack">
        <h2>No offer right now</h2>
        <Problem>{offer.error.message}</Problem>
        <OtherProviders others={props.streams.filter((other) => other.provider !== stream.provider)} onProvider={props.onProvider} />
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

function ScreenNote(props: {
  content: Content;
  stream: Stream | null;
  running: ChannelRecord | null;
  ended: ChannelRecord | null;
  /** A stored video, which no broadcast has to be on for. */
  isVideo: boolean;
  /** The provider gives no offer. */
  unreachable: boolean;
}) {
  const { content, stream, running, ended, isVideo } = props;
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
          {stream?.liveness === 'offline' && !isVideo
            ? 'Off air now: the picture starts with the broadcast.'
            : 'Fund the channel and the picture starts.'}
        </p>
      </>
    );
  }
  if (isVideo && stream !== null) {
    return props.unreachable ? (
      <>
        <h2>Its provider does not answer</h2>
        <p>The video is stored there. Try again in a moment, or choose another provider.</p>
      </>
    ) : (
      <>
        <h2>Ready to play</h2>
        <p>Choose how long you may want to watch. You pay for what you watch, by the second, and get the rest back.</p>
      </>
    );
  }
  if (stream === null || stream.liveness === 'offline') {
    return (
      <>
        <h2>{isVideo ? 'Nobody carries this yet' : 'Off air'}</h2>
        <p>{isVideo ? 'It can be watched as soon as a provider does.' : 'Nobody is broadcasting this now.'}</p>
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

/** The chosen provider, else the one that is watched, else a live one, else any. */
function pick(streams: readonly Stream[], watched: Stream | null, chosen: string | null): Stream | null {
  return (
    streams.find((stream) => stream.provider === chosen) ??
    watched ??
    streams.find((stream) => stream.liveness === 'live') ??
    streams.find((stream) => stream.liveness === 'unknown') ??
    streams[0] ??
    null
  );
}
