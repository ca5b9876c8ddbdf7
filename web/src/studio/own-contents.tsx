import { useState } from 'react';
import { Link } from 'wouter';
import type { Content } from '../api/model.ts';
import { formatEther, formatRate, formatShare } from '../money.ts';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';
import { readTermsText, TermsFields, termsText } from './terms-form.tsx';

export function OwnContents({ contents }: { contents: readonly Content[] }) {
  return (
    <section className="card stack" aria-label="Your content">
      <h2>Your content</h2>
      {contents.length === 0 && <p className="quiet">Nothing is registered by this account yet.</p>}
      <ul className="stack" data-testid="own-contents">
        {contents.map((content) => (
          <li key={content.contentId}>
            <OwnContent content={content} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function OwnContent({ content }: { content: Content }) {
  const contracts = useContracts();
  const [edited, setEdited] = useState<ReturnType<typeof termsText> | null>(null);
  const read = edited === null ? null : readTermsText(edited, content.terms.payout);
  const save = async (): Promise<void> => {
    if (read === null) return;
    if (typeof read === 'string') throw new Error(read);
    await contracts.registry({
      functionName: 'updateTerms',
      args: [content.contentId, { ...read, token: content.terms.token, pricePerSecond: content.terms.pricePerSecond }],
    });
    setEdited(null);
  };
  const withdraw = async (): Promise<void> => {
    await contracts.registry({ functionName: 'deregisterContent', args: [content.contentId] });
  };
  return (
    <article className="stack-s" style={{ borderTop: '1px solid var(--line)', paddingTop: 12 }} data-testid="own-content">
      <div className="row spread">
        <h3>
          <Link href={`/content/${content.contentId}`}>{content.name}</Link>
        </h3>
        {content.active ? (
          content.live === true ? (
            <span className="badge live">Live</span>
          ) : (
            <span className="badge">Registered</span>
          )
        ) : (
          <span className="badge">Withdrawn</span>
        )}
      </div>
      <p className="faint mono">
        {formatRate(content.terms.msatPerSecond, 60n)} sat/min · {formatEther(content.terms.pricePerView)}/view ·{' '}
        {formatShare(content.terms.creatorShareBps)} yours · {content.views} views
      </p>
      {edited !== null && (
        <>
          <TermsFields value={edited} onChange={setEdited} />
          {typeof read === 'string' && <Problem>{read}</Problem>}
          <p className="faint">Open channels and views already paid keep the terms they were made with.</p>
        </>
      )}
      {content.active && (
        <div className="row" style={{ alignItems: 'start' }}>
          {edited === null ? (
            <button type="button" className="button small" onClick={() => setEdited(termsText(content.terms))} data-testid="edit-terms">
              Change terms
            </button>
          ) : (
            <>
              <ActionButton
                action={save}
                className="small primary"
                busyLabel="Saving…"
                disabled={typeof read === 'string'}
                testId="save-terms"
              >
                Save
              </ActionButton>
              <button type="button" className="button small" onClick={() => setEdited(null)}>
                Cancel
              </button>
            </>
          )}
          {edited === null && (
            <ActionButton action={withdraw} className="small" busyLabel="Withdrawing…" testId="withdraw">
              Withdraw
            </ActionButton>
          )}
        </div>
      )}
    </article>
  );
}
