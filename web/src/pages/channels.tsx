import { useRef, useState } from 'react';
import { Link } from 'wouter';
import { descriptor } from '../bitcoin/funding.ts';
import { parseTerms } from '../bitcoin/terms.ts';
import { chainServers, enteredServer, enterServer } from '../channels/chain-servers.ts';
import { isSettled, keep } from '../channels/keeper.ts';
import { capacityOf } from '../channels/pay.ts';
import { downloadRecovery, importRecovery } from '../channels/recovery.ts';
import { takesAll } from '../channels/refunding.ts';
import { type ChannelRecord, forgetChannel, listChannels } from '../channels/store.ts';
import { useChannels } from '../channels/use-channels.ts';
import { useTip } from '../channels/use-tip.ts';
import { firstAnswer } from '../esplora/client.ts';
import { formatSat, shorten } from '../money.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { CopyLine } from '../ui/copy.tsx';
import { hostOf } from '../watch/offer-panel.tsx';
import { Settlement } from '../watch/settlement.tsx';

export function ChannelsPage() {
  const channels = useChannels();
  const { config } = useServices();
  const tip = useTip(null, channels.length > 0 || config.bitcoin.esploraUrl !== null);
  return (
    <div className="stack" style={{ gap: 24 }}>
      <div className="row spread">
        <div className="stack-s">
          <h1>Channels</h1>
          <p className="quiet">
            Your money in this browser. While any page of Paystream is open, due refunds are broadcast by themselves; one that would cost
            more than a tenth waits for lower fees, or for you.{' '}
            {tip.data !== undefined && (
              <span>
                Bitcoin is at block{' '}
                <span className="mono" data-testid="tip">
                  {tip.data}
                </span>
                .
              </span>
            )}
          </p>
        </div>
        <ImportFile />
      </div>
      {tip.isError && (
        <Problem>
          No Bitcoin chain server answers right now. Your money is safe; enter another server below so that the page can look after your
          channels.
        </Problem>
      )}
      {channels.length === 0 && (
        <div className="empty">
          <h2>No channel yet</h2>
          <p>A channel opens when you press Watch, and shows up here until its last satoshi is settled.</p>
          <Link href="/" className="button">
            To the programme
          </Link>
        </div>
      )}
      <ul className="stack" data-testid="channels">
        {channels.map((record) => (
          <li key={record.channelId}>
            <Channel record={record} tip={tip.data ?? null} />
          </li>
        ))}
      </ul>
      <ChainServer />
    </div>
  );
}

function Channel({ record, tip }: { record: ChannelRecord; tip: number | null }) {
  const blocksLeft = tip === null ? null : record.terms.expiry_height - tip;
  const settled = isSettled(record);
  const worthless = record.dearRefund !== null && takesAll(record.dearRefund);
  return (
    <article className="card stack" data-testid="channel" data-channel={record.channelId}>
      <div className="row spread">
        <h2>
          <Link href={`/content/${record.contentId}`}>{record.title}</Link>
        </h2>
        <span className={`badge ${settled ? 'good' : 'paid'}`} data-testid="channel-state">
          {stateOf(record, blocksLeft)}
        </span>
      </div>
      <div className="two">
        <dl className="facts">
          <dt>In the channel</dt>
          <dd className="mono">{formatSat(capacityOf(record))}</dd>
          <dt>Paid</dt>
          <dd className="mono" data-testid="channel-paid">
            {formatSat(record.signed?.paidSat ?? 0n)}
          </dd>
          <dt>Provider</dt>
          <dd>{hostOf(record.providerUrl)}</dd>
          <dt>Refund from block</dt>
          <dd className="mono">
            {record.terms.expiry_height}
            {blocksLeft !== null && record.outcome.kind === 'running' && blocksLeft > 0 ? ` · in ${blocksLeft}` : ''}
          </dd>
        </dl>
        <Settlement record={record} />
      </div>
      <details>
        <summary>Keep it safe</summary>
        <div className="stack-s">
          <p className="faint">
            Address <span className="mono">{shorten(record.address, 14, 8)}</span>. The recovery file holds the channel’s key: whoever has
            it can take the refund. The descriptor imports into ordinary wallets.
          </p>
          <CopyLine value={descriptor(parseTerms(record.terms))} label="the descriptor" />
          <div className="row">
            <button type="button" className="button small" onClick={() => downloadRecovery(record)} data-testid="recovery-download">
              Save the recovery file
            </button>
            {(settled || worthless || record.funding.length === 0) && (
              <button type="button" className="button small" onClick={() => forget(record)}>
                Remove from the list
              </button>
            )}
          </div>
        </div>
      </details>
    </article>
  );
}

function forget(record: ChannelRecord): void {
  if (isSettled(record) || globalThis.confirm('Is no payment on its way to this channel? The page forgets its key.'))
    forgetChannel(record.channelId);
}

function stateOf(record: ChannelRecord, blocksLeft: number | null): string {
  if (record.dearRefund !== null) return takesAll(record.dearRefund) ? 'Too little to refund' : 'Refund put off';
  switch (record.outcome.kind) {
    case 'closed':
      return record.outcome.confirmed ? 'Settled' : 'Settling';
    case 'refunded':
      return record.outcome.confirmed ? 'Refunded' : 'Refund on its way';
    case 'running':
      if (record.funding.length === 0) return 'Not funded';
      if (blocksLeft !== null && blocksLeft <= 0) return 'Refund due';
      return record.left ? 'Waiting for settlement' : 'Open';
  }
}

function ImportFile() {
  const { config } = useServices();
  const input = useRef<HTMLInputElement>(null);
  const [message, setMessage] = useState<{ good: boolean; text: string } | null>(null);
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    try {
      if (file.size > 100_000) throw new Error('This is not a recovery file: it is too large.');
      const record = importRecovery(await file.text(), config.bitcoin.network);
      setMessage({ good: true, text: `The channel of “${record.title}” is in this browser.` });
    } catch (error) {
      setMessage({ good: false, text: error instanceof Error ? error.message : String(error) });
    }
    if (input.current !== null) input.current.value = '';
  };
  return (
    <div className="stack-s">
      <button type="button" className="button" onClick={() => input.current?.click()}>
        Open a recovery file
      </button>
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        hidden
        aria-label="Recovery file"
        data-testid="recovery-import"
        onChange={(event) => void take(event.target.files?.[0])}
      />
      {message !== null && (message.good ? <p className="notice good">{message.text}</p> : <Problem>{message.text}</Problem>)}
    </div>
  );
}

/** For the day on which no server that the page knows answers. */
function ChainServer() {
  const { config } = useServices();
  const [url, setUrl] = useState(enteredServer);
  const [said, setSaid] = useState<string | null>(null);
  const use = async (): Promise<void> => {
    setSaid(null);
    enterServer(url);
    const known = listChannels().filter((record) => !isSettled(record));
    const height = await firstAnswer(chainServers(config, null), (server) => server.tipHeight());
    for (const record of known) await keep(record, chainServers(config, record.providerUrl));
    setSaid(`The chain answers: block ${height}.`);
  };
  return (
    <details className="card">
      <summary data-testid="chain-server-toggle">Bitcoin chain server</summary>
      <div className="stack">
        <label className="field">
          <span>Esplora address</span>
          <input
            className="input mono"
            placeholder="https://…/api"
            value={url}
            onChange={(event) => setUrl(event.target.value)}
            data-testid="chain-server"
          />
          <span className="hint">
            Asked when the servers that the page knows do not answer. Any Esplora server of the network “{config.bitcoin.network}” will do.
          </span>
        </label>
        <ActionButton action={use} busyLabel="Asking…" testId="chain-server-use">
          Use it
        </ActionButton>
        {said !== null && <p className="notice good">{said}</p>}
      </div>
    </details>
  );
}
