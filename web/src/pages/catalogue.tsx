import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { Link } from 'wouter';
import type { Content } from '../api/model.ts';
import { formatEther, formatRate, formatShare, shorten } from '../money.ts';
import { useServices } from '../services.tsx';
import { Problem } from '../ui/action-button.tsx';
import { Weave } from '../ui/weave.tsx';

export function CataloguePage() {
  const { indexer } = useServices();
  const [search, setSearch] = useState('');
  const q = useDeferredValue(search.trim());
  const contents = useInfiniteQuery({
    queryKey: ['contents', q],
    queryFn: ({ signal, pageParam }) =>
      indexer.contents({ ...(q === '' ? {} : { q }), ...(pageParam === null ? {} : { cursor: pageParam }) }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
  });
  const items = (contents.data?.pages ?? []).flatMap((page) => page.items).filter((content) => content.active);
  items.sort((a, b) => Number(b.live === true) - Number(a.live === true));
  return (
    <>
      <section className="hero">
        <h1>Pay for the second you are watching. Not for the next month.</h1>
        <p>
          No account and no subscription. Fund a channel from any Bitcoin wallet, press play, and your browser pays the creator and the
          carrier while the picture moves. Leave, and the rest comes back.
        </p>
      </section>
      <search className="search">
        <label htmlFor="search" className="visually-hidden">
          Search the programme
        </label>
        <input
          id="search"
          type="search"
          className="input"
          placeholder="Search by title or CID"
          maxLength={120}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
          data-testid="search"
        />
      </search>
      {contents.isError && <Problem>{contents.error.message}</Problem>}
      {contents.isPending && <Skeletons />}
      {contents.isSuccess && items.length === 0 && (
        <div className="empty" data-testid="catalogue-empty">
          <h2>{q === '' ? 'Nothing is on yet' : `Nothing matches “${q}”`}</h2>
          <p>{q === '' ? 'Be the first: register a live stream in the Studio.' : 'Try another word, or the whole CID.'}</p>
          {q === '' && (
            <Link href="/studio" className="button">
              Open the Studio
            </Link>
          )}
        </div>
      )}
      <ul className="catalogue" data-testid="catalogue">
        {items.map((content) => (
          <li key={content.contentId}>
            <Ticket content={content} />
          </li>
        ))}
      </ul>
      {contents.hasNextPage && (
        <p style={{ textAlign: 'center', marginTop: 24 }}>
          <button type="button" className="button" aria-busy={contents.isFetchingNextPage} onClick={() => void contents.fetchNextPage()}>
            More
          </button>
        </p>
      )}
    </>
  );
}

function Ticket({ content }: { content: Content }) {
  const { terms } = content;
  return (
    <Link href={`/content/${content.contentId}`} className="ticket" data-testid="content-card">
      <div className="ticket-face">
        <Weave seed={content.contentId} />
        {content.live === true && <span className="badge live">Live</span>}
        {content.live === false && <span className="badge">Off air</span>}
      </div>
      <div className="ticket-body">
        <h2>{content.name}</h2>
        <p className="ticket-price">
          {terms.msatPerSecond > 0n ? `${formatRate(terms.msatPerSecond, 60n)} sat a minute` : `${formatEther(terms.pricePerView)} a view`}
        </p>
        <p className="faint">
          by <span className="mono">{shorten(content.creator)}</span>, who gets {formatShare(terms.creatorShareBps)}
        </p>
      </div>
    </Link>
  );
}

function Skeletons() {
  return (
    <div className="catalogue" aria-hidden="true">
      {[0, 1, 2].map((key) => (
        <div key={key} className="skeleton" style={{ height: 260 }} />
      ))}
    </div>
  );
}
