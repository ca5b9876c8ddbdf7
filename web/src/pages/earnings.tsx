import { useQuery } from '@tanstack/react-query';
import type { Address } from 'viem';
import { useReadContract } from 'wagmi';
import { Link } from 'wouter';
import { earningsSplitterAbi } from '../contracts/abi.ts';
import { formatEther, shorten } from '../money.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';

const ether: Address = '0x0000000000000000000000000000000000000000';

export function EarningsPage() {
  const { account } = useContracts();
  return (
    <div className="stack" style={{ gap: 24 }}>
      <div className="stack-s">
        <h1>Earnings</h1>
        <p className="quiet">
          What your content and your streams earned on Ethereum. Bitcoin goes straight to your own address and is never held.
        </p>
      </div>
      {account === null ? (
        <div className="empty">
          <h2>Connect your wallet</h2>
          <p>Earnings belong to an Ethereum account. Connect it with the button above.</p>
        </div>
      ) : (
        <Account account={account} />
      )}
    </div>
  );
}

function Account({ account }: { account: Address }) {
  const { config, indexer } = useServices();
  const contracts = useContracts();
  const earnings = useQuery({
    queryKey: ['earnings', account],
    queryFn: ({ signal }) => indexer.earnings(account, signal),
    refetchInterval: 3_000,
  });
  // The contract itself says what can be claimed; the indexer tells the history.
  const earned = useReadContract({
    address: config.splitter,
    abi: earningsSplitterAbi,
    functionName: 'earned',
    args: [ether, account],
    chainId: config.chain.id,
    query: { refetchInterval: 3_000 },
  });
  const claimable = earned.data ?? 0n;
  const total = earnings.data?.tokens.find((token) => token.token === ether);
  return (
    <>
      <div className="two">
        <section className="card stack" aria-label="To claim">
          <p className="quiet">To claim</p>
          <p className="meter-figure" style={{ fontSize: '2.2rem' }} data-testid="claimable" data-value={claimable.toString()}>
            {formatEther(claimable)}
          </p>
          <ActionButton
            action={async () => {
              await contracts.splitter({ functionName: 'claim', args: [ether, account] });
            }}
            className="primary"
            busyLabel="Claiming…"
            disabled={claimable === 0n}
            testId="claim"
          >
            Claim to my account
          </ActionButton>
          {earned.isError && <Problem>The Ethereum node does not answer. The page tries again by itself.</Problem>}
        </section>
        <section className="card stack" aria-label="So far">
          <p className="quiet">So far</p>
          <dl className="facts">
            <dt>Earned in all</dt>
            <dd className="mono" data-testid="earned-total" data-value={(total?.earned ?? 0n).toString()}>
              {formatEther(total?.earned ?? 0n)}
            </dd>
            <dt>Claimed</dt>
            <dd className="mono" data-testid="claimed-total" data-value={(total?.claimed ?? 0n).toString()}>
              {formatEther(total?.claimed ?? 0n)}
            </dd>
            <dt>Unclaimed, as the indexer has it</dt>
            <dd className="mono" data-testid="unclaimed" data-value={(total?.unclaimed ?? 0n).toString()}>
              {formatEther(total?.unclaimed ?? 0n)}
            </dd>
          </dl>
        </section>
      </div>
      {earnings.isError && <Problem>{earnings.error.message}</Problem>}
      <section className="card stack" aria-label="Credits and claims">
        <h2>Credits and claims</h2>
        {earnings.data?.entries.length === 0 && <p className="quiet">Nothing yet. A credit appears here when somebody buys a view.</p>}
        {(earnings.data?.entries.length ?? 0) > 0 && (
          <div className="table-scroll">
            <table className="table" data-testid="ledger">
              <thead>
                <tr>
                  <th>When</th>
                  <th>What</th>
                  <th>Transaction</th>
                  <th className="amount">Amount</th>
                </tr>
              </thead>
              <tbody>
                {earnings.data?.entries.map((entry) => (
                  <tr key={entry.key}>
                    <td>{entry.at.toLocaleString()}</td>
                    <td>
                      {entry.contentId === null ? (
                        'Claim'
                      ) : (
                        <>
                          Share of <Link href={`/content/${entry.contentId}`}>{shorten(entry.contentId)}</Link>
                        </>
                      )}
                    </td>
                    <td className="mono">{shorten(entry.transactionHash)}</td>
                    <td className="mono amount">
                      {entry.kind === 'claim' ? '−' : '+'}
                      {formatEther(entry.amount)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  );
}
