import { useQuery } from '@tanstack/react-query';
import { Fragment } from 'react';
import type { Address } from 'viem';
import { useReadContract } from 'wagmi';
import { Link } from 'wouter';
import type { TokenEarnings } from '../api/model.ts';
import { earningsSplitterAbi } from '../contracts/abi.ts';
import { type Currency, currencyOf, ether, etherAddress, formatPrice } from '../currency.ts';
import { shorten } from '../money.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';

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

type Totals = Omit<TokenEarnings, 'token'>;
const nothing: Totals = { earned: 0n, claimed: 0n, unclaimed: 0n };

function Account({ account }: { account: Address }) {
  const { config, indexer } = useServices();
  const earnings = useQuery({
    queryKey: ['earnings', account],
    queryFn: ({ signal }) => indexer.earnings(account, signal),
    refetchInterval: 3_000,
  });
  // Ether, then every token in which anything was earned.
  const earned = (earnings.data?.tokens ?? []).map((entry) => entry.token.toLowerCase()).filter((token) => token !== etherAddress);
  const currencies = [ether, ...earned.map((token) => currencyOf(config.tokens, token))];
  /** Null while the indexer has not answered: that is not nothing. */
  const totalOf = (currency: Currency): Totals | null => {
    if (earnings.data === undefined) return null;
    return earnings.data.tokens.find((entry) => entry.token.toLowerCase() === currency.address) ?? nothing;
  };
  return (
    <>
      {currencies.map((currency) => (
        <InCurrency key={currency.address} account={account} currency={currency} total={totalOf(currency)} />
      ))}
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
                      {formatPrice(entry.amount, currencyOf(config.tokens, entry.token))}
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

/** What the account has in one currency. The hooks for ether have the plain names; a token's stand inside its own section. */
function InCurrency({ account, currency, total }: { account: Address; currency: Currency; total: Totals | null }) {
  const { config } = useServices();
  const contracts = useContracts();
  // The contract itself says what can be claimed; the indexer tells the history.
  const earned = useReadContract({
    address: config.splitter,
    abi: earningsSplitterAbi,
    functionName: 'earned',
    args: [currency.address, account],
    chainId: config.chain.id,
    query: { refetchInterval: 3_000 },
  });
  const figures = [
    ['Earned in all', 'earned-total', total?.earned],
    ['Claimed', 'claimed-total', total?.claimed],
    ['Unclaimed, as the indexer has it', 'unclaimed', total?.unclaimed],
  ] as const;
  const suffix = currency === ether ? '' : '-token';
  return (
    <div className="two" data-testid="earnings-currency" data-token={currency.address}>
      <section className="card stack" aria-label={`To claim in ${currency.symbol}`}>
        <p className="quiet">To claim</p>
        <p
          className="meter-figure"
          style={{ fontSize: '2.2rem', overflowWrap: 'anywhere' }}
          data-testid={`claimable${suffix}`}
          data-value={earned.data?.toString()}
        >
          {earned.data === undefined ? '…' : formatPrice(earned.data, currency)}
        </p>
        <ActionButton
          action={async () => {
            await contracts.splitter({ functionName: 'claim', args: [currency.address, account] });
          }}
          className="primary"
          busyLabel="Claiming…"
          disabled={earned.data === undefined || earned.data === 0n}
          testId={`claim${suffix}`}
        >
          Claim to my account
        </ActionButton>
        {earned.isError && <Problem>The Ethereum node does not answer. The page tries again by itself.</Problem>}
      </section>
      <section className="card stack" aria-label={`So far in ${currency.symbol}`}>
        <p className="quiet">So far</p>
        <dl className="facts">
          {figures.map(([name, testId, amount]) => (
            <Fragment key={testId}>
              <dt>{name}</dt>
              <dd className="mono" data-testid={`${testId}${suffix}`} data-value={amount?.toString()}>
                {amount === undefined ? '…' : formatPrice(amount, currency)}
              </dd>
            </Fragment>
          ))}
        </dl>
      </section>
    </div>
  );
}
