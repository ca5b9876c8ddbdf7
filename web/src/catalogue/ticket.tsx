import { type RefObject, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import type { Content } from '../api/model.ts';
import { currencyOf, formatPrice } from '../currency.ts';
import { formatDuration, formatRate, formatShare, shorten } from '../money.ts';
import { useServices } from '../services.tsx';
import { looksStored } from '../stored/kind.ts';
import { Weave } from '../ui/weave.tsx';
import { type Shown, useMetadata } from './use-metadata.ts';

/** One content of the programme. Its picture and duration are asked for when it comes into sight. */
export function Ticket({ content }: { content: Content }) {
  const face = useRef<HTMLDivElement>(null);
  const shown = useMetadata(content, useSeen(face));
  return (
    <Link href={`/content/${content.contentId}`} className="ticket" data-testid="content-card">
      <div className="ticket-face" ref={face}>
        <Weave seed={content.contentId} />
        {shown.poster !== null && <img src={shown.poster} alt="" className="poster" data-testid="content-poster" />}
        <Badge content={content} metadata={shown.metadata} />
      </div>
      <div className="ticket-body">
        <h2>{content.name}</h2>
        <p className="ticket-price">
          <Price content={content} />
        </p>
        <p className="faint">
          by <span className="mono">{shorten(content.creator)}</span>, who gets {formatShare(content.terms.creatorShareBps)}
        </p>
      </div>
    </Link>
  );
}

/** Live is said of broadcasts alone; a video says how long it is. */
function Badge({ content, metadata }: { content: Content; metadata: Shown['metadata'] }) {
  if (metadata?.kind === 'video') {
    if (metadata.durationMs === null) return null;
    return (
      <span className="badge duration" data-testid="content-duration" data-value={metadata.durationMs}>
        <span className="visually-hidden">Duration </span>
        {formatDuration(metadata.durationMs)}
      </span>
    );
  }
  // A provider of a stored video tells the indexer that it is there, too: that is no broadcast.
  if (content.live === true && !looksStored(content.cid)) return <span className="badge live">Live</span>;
  return content.live === false && metadata?.kind === 'announcement' ? <span className="badge">Off air</span> : null;
}

function Price({ content: { terms } }: { content: Content }) {
  const { config } = useServices();
  const minute = terms.msatPerSecond > 0n ? `${formatRate(terms.msatPerSecond, 60n)} sat a minute` : null;
  const view = terms.pricePerView > 0n ? `${formatPrice(terms.pricePerView, currencyOf(config.tokens, terms.token))} a view` : null;
  return [minute, view].filter((price) => price !== null).join(' · ') || 'No price';
}

/** Once in sight, or close to it, for good. */
function useSeen(element: RefObject<Element | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const { current } = element;
    if (seen || current === null) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
      },
      { rootMargin: '200px' },
    );
    observer.observe(current);
    return () => observer.disconnect();
  }, [element, seen]);
  return seen;
}
