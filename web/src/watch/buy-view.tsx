import { useState } from 'react';
import type { Content, Stream } from '../api/model.ts';
import { formatEther } from '../money.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';

const ether = '0x0000000000000000000000000000000000000000';

/** One view paid on Ethereum, split by the contract between creator and provider. */
export function BuyView({ content, stream }: { content: Content; stream: Stream | null }) {
  const contracts = useContracts();
  const [bought, setBought] = useState(false);
  const { terms } = content;
  if (terms.pricePerView === 0n || terms.token !== ether || !content.active || stream === null) return null;
  const offAir = stream.liveness === 'offline';
  const buy = async (): Promise<void> => {
    setBought(false);
    await contracts.splitter({
      functionName: 'recordView',
      args: [content.contentId, stream.provider, contracts.account, terms.pricePerView],
      value: terms.pricePerView,
    });
    setBought(true);
  };
  return (
    <section className="card stack" aria-label="Pay on Ethereum">
      <div className="row spread">
        <h2>Or buy a view with ether</h2>
        <span className="mono">{formatEther(terms.pricePerView)}</span>
      </div>
      {offAir && (
        <p className="notice warn" role="status" data-testid="view-off-air">
          <strong>Off air: nobody is broadcasting this now.</strong> A view is paid for at once, and there is no refund.
        </p>
      )}
      {contracts.account === null ? (
        <p className="faint">Connect a wallet above to pay on Ethereum.</p>
      ) : (
        <ActionButton action={buy} busyLabel="Paying…" className="wide" testId="buy-view">
          {offAir ? 'Buy a view all the same' : 'Buy a view'}
        </ActionButton>
      )}
      {bought && (
        <p className="notice good" role="status" data-testid="view-bought">
          Paid. The creator and the provider can claim their shares.
        </p>
      )}
    </section>
  );
}
