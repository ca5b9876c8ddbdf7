import { QRCodeSVG } from 'qrcode.react';
import { useEffect, useState } from 'react';
import { paymentLink } from '../bitcoin/funding.ts';
import { parseTerms } from '../bitcoin/terms.ts';
import { chainServers } from '../channels/chain-servers.ts';
import { keep } from '../channels/keeper.ts';
import { downloadRecovery } from '../channels/recovery.ts';
import { refundTime } from '../channels/refund-time.ts';
import { type ChannelRecord, forgetChannel } from '../channels/store.ts';
import { useTip } from '../channels/use-tip.ts';
import { formatSat, satToBtc } from '../money.ts';
import { useServices } from '../services.tsx';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { CopyLine } from '../ui/copy.tsx';
import { OffAirWarning, useBroadcast } from './off-air.tsx';

/** The channel's address, and a look at the chain every other second until somebody has paid it. */
export function FundPanel({ record }: { record: ChannelRecord }) {
  const { config } = useServices();
  const link = paymentLink(parseTerms(record.terms), record.amountSat, `Paystream: ${record.title}`);
  const problem = useFundingWatch(record);
  const broadcast = useBroadcast(record);
  const tip = useTip(record.providerUrl, broadcast === 'off');
  const dev = import.meta.env.MODE === 'devnet' && config.bitcoin.network === 'regtest' ? config.dev : null;
  return (
    <section className="card stack" aria-label="Fund the channel" data-testid="fund">
      <h2>
        Send {formatSat(record.amountSat)} to {broadcast === 'off' ? 'wait for it' : 'start'}
      </h2>
      {broadcast === 'off' && <OffAirWarning when={refundTime(record.terms.expiry_height, tip.data ?? null)} />}
      {broadcast === 'unreachable' && (
        <Problem>The provider does not answer right now. Do not pay until it does, or cancel and choose another provider.</Problem>
      )}
      <a href={link} className="qr" aria-label="Open in a Bitcoin wallet" data-testid="bip21">
        <QRCodeSVG value={link} size={220} level="M" title="Payment request as a QR code" />
      </a>
      <a href={link} className="button wide">
        Open in a wallet
      </a>
      <div className="stack-s">
        <CopyLine value={record.address} label="the address" testId="funding-address" />
        <CopyLine value={satToBtc(record.amountSat)} label="the amount in BTC" testId="funding-btc" />
      </div>
      {dev !== null && (
        <ActionButton
          className="wide"
          busyLabel="The faucet is paying…"
          testId="faucet"
          action={async () => {
            if (import.meta.env.MODE !== 'devnet') return;
            const { fundFromFaucet } = await import('../dev/faucet.ts');
            await fundFromFaucet(dev, record.address, record.amountSat);
          }}
        >
          Fund from the dev faucet
        </ActionButton>
      )}
      <p className="meter-state" role="status">
        <span className="lamp wait" aria-hidden="true" />
        {problem ?? 'Waiting for your payment'}
      </p>
      <p className="faint">
        The page sees the payment by itself, usually within seconds, and starts with a preview until its first confirmation.
      </p>
      <div className="row">
        <button type="button" className="button small" onClick={() => downloadRecovery(record)} data-testid="recovery-download">
          Save the recovery file
        </button>
        <button type="button" className="button small" onClick={() => confirmForget(record)} data-testid="cancel-funding">
          Cancel
        </button>
      </div>
    </section>
  );
}

/** Money on its way would be lost with the key: so ask. */
function confirmForget(record: ChannelRecord): void {
  if (globalThis.confirm('Have you sent nothing to this address? The page forgets its key, and a payment on its way would be lost.'))
    forgetChannel(record.channelId);
}

function useFundingWatch(record: ChannelRecord): string | null {
  const { config } = useServices();
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let stopped = false;
    let timer: ReturnType<typeof setTimeout>;
    const look = async (): Promise<void> => {
      try {
        await keep(record, chainServers(config, record.providerUrl));
        setProblem(null);
      } catch (error) {
        setProblem(error instanceof Error ? error.message : String(error));
      }
      if (!stopped) timer = setTimeout(() => void look(), 2_000);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [record, config]);
  return problem;
}
