import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { Link } from 'wouter';
import { type ContentPage, type Indexer, IndexerError } from '../api/client.ts';
import { type Search, searchOf } from '../catalogue/search.ts';
import { Ticket } from '../catalogue/ticket.tsx';
import { useServices } from '../services.tsx';
import { Problem } from '../ui/action-button.tsx';

export function CataloguePage() {
  const { indexer } = useServices();
  const [search, setSearch] = useState(searchOfEntry);
  const typed = useDeferredValue(search);
  const asked = searchOf(typed);
  const contents = useInfiniteQuery({
    queryKey: ['contents', asked],
    queryFn: ({ signal, pageParam }) => found(indexer, asked, pageParam, signal),
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
          Search by title, creator or CID
        </label>
        <input
          id="search"
          type="search"
          className="input"
          placeholder="Title, creator’s address, or CID"
          maxLength={160}
          value={search}
          onChange={(event) => {
            setSearch(event.target.value);
            history.replaceState({ search: event.target.value }, '');
          }}
          data-testid="catalogue-search"
        />
      </search>
      <p className="visually-hidden" role="status">
        {contents.isPlaceholderData
          ? 'Searching…'
          : asked.kind === 'all' || !contents.isSuccess
            ? ''
            : `${items.length}${contents.hasNextPage ? ' and more' : ''} found`}
      </p>
      {contents.isError && <Problem>{contents.error.message}</Problem>}
      {contents.isPending && <Skeletons />}
      {contents.isSuccess && !contents.isPlaceholderData && items.length === 0 && !contents.hasNextPage && (
        <div className="empty" data-testid="catalogue-empty">
          <h2>{asked.kind === 'all' ? 'Nothing is on yet' : nothingFound(asked, typed)}</h2>
          <p>
            {asked.kind === 'all'
              ? 'Be the first: upload a video or go live in the Studio.'
              : 'Try another word of the title, the creator’s whole address, or the whole CID.'}
          </p>
          {asked.kind === 'all' && (
            <Link href="/studio" className="button">
              Open the Studio
            </Link>
          )}
        </div>
      )}
      <ul className="catalogue" data-testid="catalogue" aria-busy={contents.isPlaceholderData}>
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

/** What was typed before another page was opened, when the person comes back from it. */
function searchOfEntry(): string {
  const entry: unknown = history.state;
  return typeof entry === 'object' && entry !== null && 'search' in entry && typeof entry.search === 'string' ? entry.search : '';
}

async function found(indexer: Indexer, asked: Search, cursor: string | null, signal: AbortSignal): Promise<ContentPage> {
  const from = cursor === null ? {} : { cursor };
  switch (asked.kind) {
    case 'all':
      return indexer.contents(from, signal);
    case 'creator':
      return indexer.contents({ creator: asked.creator, ...from }, signal);
    case 'text':
      return indexer.contents({ q: asked.q, ...from }, signal);
    case 'content':
      try {
        return { items: [await indexer.content(asked.contentId, signal)], nextCursor: null };
      } catch (error) {
        if (error instanceof IndexerError && error.status === 404) return { items: [], nextCursor: null };
        throw error;
      }
  }
}

function nothingFound(asked: Search, typed: string): string {
  return asked.kind === 'creator' ? 'This account has registered nothing' : `Nothing matches “${typed.trim()}”`;
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
