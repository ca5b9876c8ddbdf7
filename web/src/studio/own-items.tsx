import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { Address } from 'viem';
import { Link } from 'wouter';
import type { Content } from '../api/model.ts';
import { contentIdOf } from '../contracts/content-id.ts';
import { formatDuration } from '../money.ts';
import { Provider, ProviderError } from '../provider/client.ts';
import type { Item } from '../provider/items.ts';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { failureInWords, formatBytes } from '../upload/stages.ts';
import { type UploadToken, useUploadToken } from '../upload/use-upload-token.ts';
import { RegisterItem } from './register-item.tsx';
import { useStreamerUrl } from './streamer-url.tsx';

/** What this account has uploaded to the chosen streamer. */
export function OwnItems({ account, contents }: { account: Address; contents: readonly Content[] }) {
  const streamer = useStreamerUrl();
  const upload = useUploadToken(streamer.url, account);
  const queries = useQueryClient();
  const key = ['items', streamer.url, account, upload.token];
  const items = useQuery({
    queryKey: key,
    enabled: streamer.url !== '' && upload.token !== null,
    queryFn: async ({ signal }) => {
      try {
        return await new Provider(streamer.url).items(upload.token ?? '', signal);
      } catch (error) {
        // It has forgotten the sign-in, as after its restart: the button to sign in comes back.
        if (error instanceof ProviderError && error.status === 401) upload.forget();
        throw error;
      }
    },
    refetchInterval: ({ state }) => ((state.data ?? []).some(isUnderWay) ? 1_000 : 2_000),
  });
  if (streamer.url === '') return null;
  const remove = async (item: Item): Promise<void> => {
    await upload.withToken((token) => new Provider(streamer.url).deleteItem(item.itemId, token));
    await queries.invalidateQueries({ queryKey: key });
  };
  return (
    <section className="card stack" aria-label="Your uploads">
      <h2>Your uploads</h2>
      <p className="hint">
        At <span className="mono">{streamer.url}</span>
      </p>
      {upload.token === null && (
        <ActionButton
          action={async () => void (await upload.signIn())}
          className="small"
          busyLabel="Waiting for your signature…"
          testId="items-sign-in"
        >
          Sign in to see them
        </ActionButton>
      )}
      {items.isError && <Problem>{items.error.message}</Problem>}
      {items.data?.length === 0 && <p className="quiet">Nothing has been uploaded by this account yet.</p>}
      <ul className="stack" data-testid="own-items">
        {items.data?.map((item) => (
          <li key={item.itemId}>
            <OwnItem
              item={item}
              account={account}
              streamerUrl={streamer.url}
              upload={upload}
              content={contents.find((content) => item.cid !== null && content.contentId === contentIdOf(account, item.cid)) ?? null}
              onRemove={remove}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function OwnItem(props: {
  item: Item;
  account: Address;
  streamerUrl: string;
  upload: UploadToken;
  content: Content | null;
  onRemove: (item: Item) => Promise<void>;
}) {
  const { item, content } = props;
  const [open, setOpen] = useState<'register' | 'remove' | null>(null);
  const registered = content?.active === true;
  return (
    <article className="stack-s own" data-testid="own-item" data-item={item.itemId}>
      <div className="row spread">
        <h3>
          {content === null ? item.title || 'Untitled' : <Link href={`/content/${content.contentId}`}>{item.title || 'Untitled'}</Link>}
        </h3>
        <span className={`badge ${registered ? 'good' : ''}`} data-testid="item-state" data-state={item.state}>
          {registered ? 'Registered' : stateInWords(item)}
        </span>
      </div>
      <p className="faint mono">{factsOf(item)}</p>
      {item.state === 'failed' && <Problem>{failureInWords(item.error)}</Problem>}
      {item.state === 'uploading' && (
        <p className="hint">If it stands still, choose the same file above again: it goes on where it stopped.</p>
      )}
      {open === 'register' && (
        <RegisterItem
          item={item}
          account={props.account}
          streamerUrl={props.streamerUrl}
          upload={props.upload}
          {...(registered ? { registered } : {})}
        />
      )}
      {open === 'remove' && (
        <p className="notice warn">
          {registered
            ? 'The streamer forgets the video, and nobody can watch it there any more. Its registration stays until you withdraw it.'
            : 'The streamer forgets it, with everything that has been uploaded.'}
        </p>
      )}
      <div className="row" style={{ alignItems: 'start' }}>
        {item.state === 'ready' && (
          <button
            type="button"
            className="button small"
            onClick={() => setOpen(open === 'register' ? null : 'register')}
            data-testid="item-register"
          >
            {open === 'register' ? 'Not now' : registered ? 'Announce again' : 'Register'}
          </button>
        )}
        {/* The same button turns back: a double click deletes nothing, and the keyboard stays where it is. */}
        <button
          type="button"
          className="button small"
          onClick={() => setOpen(open === 'remove' ? null : 'remove')}
          data-testid={open === 'remove' ? 'item-keep' : 'item-delete'}
        >
          {open === 'remove' ? 'Keep it' : isUnderWay(item) ? 'Cancel' : 'Delete'}
        </button>
        {open === 'remove' && (
          <ActionButton action={() => props.onRemove(item)} className="small" busyLabel="Deleting…" testId="item-delete-really">
            Delete it
          </ActionButton>
        )}
      </div>
    </article>
  );
}

function isUnderWay(item: Item): boolean {
  return item.state === 'uploading' || item.state === 'queued' || item.state === 'preparing' || item.state === 'adding';
}

function stateInWords(item: Item): string {
  const percent = `${Math.floor(item.progressPermille / 10)}\u202f%`;
  switch (item.state) {
    case 'uploading':
      return `Uploading ${percent}`;
    case 'queued':
      return 'Waiting for its turn';
    case 'preparing':
      return `Preparing ${percent}`;
    case 'adding':
      return `Adding to IPFS ${percent}`;
    case 'ready':
      return 'Ready';
    case 'failed':
      return 'Failed';
    case 'cancelled':
      return 'Cancelled';
  }
}

function factsOf(item: Item): string {
  return [
    item.durationMs === null ? null : formatDuration(item.durationMs),
    item.width === null || item.height === null ? null : `${item.width} × ${item.height}`,
    item.size === null ? null : formatBytes(item.size),
    item.cid,
  ]
    .filter((fact) => fact !== null)
    .join(' · ');
}
