import { useState } from 'react';
import { Link } from 'wouter';
import type { Content } from '../api/model.ts';
import { currencyOf, formatPrice } from '../currency.ts';
import { formatRate, formatShare } from '../money.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';
import { EarningsPreview } from './earnings-preview.tsx';
import { readTermsText, TermsFields, termsText } from './terms-form.tsx';

/** `contents` are null while nobody has said what they are. */
export function OwnContents({ contents }: { contents: readonly Content[] | null }) {
  return (
    <section className="card stack" aria-label="Your content">
      <h2>Your content</h2>
      {contents?.length === 0 && <p className="quiet">Nothing is registered by this account yet.</p>}
      <ul className="stack" data-testid="own-contents">
        {contents?.map((content) => (
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
  const { config } = useServices();
  const currency = currencyOf(config.tokens, content.terms.token);
  const [edited, setEdited] = useState<ReturnType<typeof termsText> | null>(null);
  const read = edited === null ? null : readTermsText(edited, content.terms.payout, config.tokens);
  const save = async (): Promise<void> => {
    if (read === null) return;
    if (typeof read === 'string') throw new Error(read);
    await contracts.registry({
      functionName: 'updateTerms',
      // The price by the second on Ethereum is in the same currency: it makes no sense in another one.
      args: [content.contentId, { ...read, pricePerSecond: read.token === currency.address ? content.terms.pricePerSecond : 0n }],
    });
    setEdited(null);
  };
  const withdraw = async (): Promise<void> => {
    await contracts.registry({ functionName: 'deregisterContent', args: [content.contentId] });
  };
  return (
    <article className="stack-s own" data-testid="own-content">
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
        {formatRate(content.terms.msatPerSecond, 60n)} sat/min · {formatPrice(content.terms.pricePerView, currency)}/view ·{' '}
        {formatShare(content.terms.creatorShareBps)} yours · {content.views} views
      </p>
      {edited !== null && (
        <>
          <TermsFields value={edited} onChange={setEdited} />
          {typeof read === 'string' ? (
            <Problem>{read}</Problem>
          ) : (
            read !== null && <EarningsPreview terms={read} account={content.creator} />
          )}
          <p className="faint">Open channels and views already paid keep the terms they were made with.</p>
        </>
      )}
      {content.active && (
        <div className="row" style={{ alignItems: 'start' }}>
          {edited === null ? (
            <button
              type="button"
              className="button small"
              onClick={() => setEdited(termsText(content.terms, config.tokens))}
              data-testid="edit-terms"
            >
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
