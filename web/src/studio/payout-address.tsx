import { useState } from 'react';
import type { Address } from 'viem';
import { fromHex, toHex } from '../bitcoin/bytes.ts';
import { addressOfScript, scriptOfAddress } from '../bitcoin/script.ts';
import { useServices } from '../services.tsx';
import { ActionButton } from '../ui/action-button.tsx';
import { useContracts } from '../wallet/use-transaction.ts';
import { useBitcoinPayout } from './bitcoin-payout.ts';

/** Where the creator's share of every Bitcoin payment goes. */
export function PayoutAddress({ account }: { account: Address }) {
  const { config } = useServices();
  const { network } = config.bitcoin;
  const contracts = useContracts();
  const [address, setAddress] = useState('');
  const registered = useBitcoinPayout(account);
  const script = registered.data ?? '0x';
  const save = async (): Promise<void> => {
    await contracts.registry({ functionName: 'setBitcoinPayout', args: [`0x${toHex(scriptOfAddress(address, network))}`] });
    setAddress('');
    await registered.refetch();
  };
  return (
    <section className="card stack" aria-label="Bitcoin payout">
      <h2>Bitcoin payout</h2>
      {registered.isSuccess && (
        <p className="quiet" data-testid="payout-current">
          {script === '0x' ? 'None yet: your streams cannot be paid with Bitcoin.' : <span className="mono">{shown(script, network)}</span>}
        </p>
      )}
      <label className="field">
        <span>{script === '0x' ? 'Your address' : 'Another address'}</span>
        <input
          className="input mono"
          spellCheck={false}
          value={address}
          onChange={(event) => setAddress(event.target.value)}
          data-testid="payout-address"
        />
        <span className="hint">Your share of each channel is paid there directly when the channel closes.</span>
      </label>
      <ActionButton action={save} busyLabel="Saving…" disabled={address.trim() === ''} testId="payout-save">
        Save on Ethereum
      </ActionButton>
    </section>
  );
}

function shown(script: string, network: Parameters<typeof addressOfScript>[1]): string {
  try {
    return addressOfScript(fromHex('script', script.slice(2)), network);
  } catch {
    return script;
  }
}
