import type { Content } from '../api/model.ts';
import { formatShare, shorten } from '../money.ts';
import { looksStored } from '../stored/kind.ts';
import { CopyLine } from '../ui/copy.tsx';

/** What a content is, whoever carries it. */
export function About({ content }: { content: Content }) {
  return (
    <section className="stack about">
      <div className="row">
        <h1 data-testid="content-title">{content.name}</h1>
        {content.live === true && !looksStored(content.cid) && <span className="badge live">Live</span>}
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
