import { useQuery } from '@tanstack/react-query';
import type { ContentPage, Indexer } from '../api/client.ts';
import type { Content } from '../api/model.ts';
import { useServices } from '../services.tsx';
import { looksStored } from '../stored/kind.ts';
import { GoLive } from '../studio/go-live.tsx';
import { OwnContents } from '../studio/own-contents.tsx';
import { OwnItems } from '../studio/own-items.tsx';
import { PayoutAddress } from '../studio/payout-address.tsx';
import { RegisterStream } from '../studio/register-stream.tsx';
import { UploadVideo } from '../studio/upload-video.tsx';
import { Problem } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';

export function StudioPage() {
  const { account } = useContracts();
  const { indexer } = useServices();
  const contents = useQuery({
    queryKey: ['contents-of', account],
    enabled: account !== null,
    queryFn: ({ signal }) => contentsOf(indexer, account ?? '', signal),
    refetchInterval: 3_000,
  });
  const items = contents.data ?? [];
  return (
    <div className="stack" style={{ gap: 24 }}>
      <div className="stack-s">
        <h1>Studio</h1>
        <p className="quiet">Upload a video or go live, and set its price. Your wallet signs; nobody holds your money.</p>
      </div>
      {account === null ? (
        <div className="empty">
          <h2>Connect your wallet</h2>
          <p>Your Ethereum account is the creator of what you register. Connect it with the button above.</p>
        </div>
      ) : (
        <div className="two">
          <div className="stack">
            <UploadVideo account={account} />
            <RegisterStream account={account} />
            <PayoutAddress account={account} />
          </div>
          <div className="stack">
            <OwnItems account={account} contents={items} />
            {contents.isError && <Problem>{contents.error.message}</Problem>}
            <OwnContents contents={contents.data ?? null} />
            <GoLive account={account} contents={items.filter((content) => content.active && !looksStored(content.cid))} />
          </div>
        </div>
      )}
    </div>
  );
}

/** Far more than anybody registers by hand; each answer of the indexer holds fifty. */
const mostAnswers = 20;

/** All of a creator's content, and not the newest alone: what is not shown cannot be changed, or withdrawn. */
async function contentsOf(indexer: Indexer, creator: string, signal: AbortSignal): Promise<readonly Content[]> {
  const all: Content[] = [];
  let cursor: string | null = null;
  for (let answers = 0; answers < mostAnswers; answers += 1) {
    const page: ContentPage = await indexer.contents({ creator, ...(cursor === null ? {} : { cursor }) }, signal);
    all.push(...page.items);
    cursor = page.nextCursor;
    if (cursor === null) break;
  }
  return all;
}
