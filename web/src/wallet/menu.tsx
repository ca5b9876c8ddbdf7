import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import { useConnect, useConnection, useConnectors, useDisconnect, useSwitchChain } from 'wagmi';
import { shorten } from '../money.ts';
import { useServices } from '../services.tsx';
import { sentence } from './errors.ts';

/** Connect a wallet that has announced itself, switch to the page's chain, disconnect. */
export function WalletMenu() {
  const { config } = useServices();
  const connection = useConnection();
  const connectors = useConnectors();
  const { mutateAsync: connect, isPending } = useConnect();
  const { mutate: disconnect } = useDisconnect();
  const { mutateAsync: switchChain } = useSwitchChain();
  const [problem, setProblem] = useState<string | null>(null);
  const attempt = async (act: () => Promise<unknown>): Promise<void> => {
    setProblem(null);
    await act().catch((error: unknown) => setProblem(sentence(error)));
  };

  if (connection.isConnected && connection.chainId !== config.chain.id) {
    return (
      <>
        <button
          type="button"
          className="button small primary"
          onClick={() => void attempt(() => switchChain({ chainId: config.chain.id }))}
          data-testid="switch-network"
        >
          Switch to {config.chain.name}
        </button>
        {problem !== null && (
          <p role="alert" className="notice bad">
            {problem}
          </p>
        )}
      </>
    );
  }
  return (
    <>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger asChild>
          <button type="button" className="button small" aria-busy={isPending} data-testid="wallet-button">
            {connection.address === undefined ? 'Connect wallet' : <span className="mono">{shorten(connection.address)}</span>}
          </button>
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content className="menu" align="end" sideOffset={8}>
            {connection.address !== undefined && (
              <DropdownMenu.Item className="menu-item" onSelect={() => disconnect({})} data-testid="wallet-disconnect">
                Disconnect {connection.connector?.name}
              </DropdownMenu.Item>
            )}
            {connectors
              .filter((connector) => connector.uid !== connection.connector?.uid)
              .map((connector) => (
                <DropdownMenu.Item
                  key={connector.uid}
                  className="menu-item"
                  data-testid="wallet-option"
                  onSelect={() => void attempt(() => connect({ connector }))}
                >
                  {connector.icon !== undefined && <img src={connector.icon} alt="" />}
                  {connector.name}
                </DropdownMenu.Item>
              ))}
            {connectors.length === 0 && (
              <p className="faint" style={{ padding: 12, maxWidth: 260 }}>
                No wallet was found in this browser. Install one that follows EIP-6963, such as MetaMask or Rabby, and reload. Watching with
                Bitcoin needs none.
              </p>
            )}
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      {problem !== null && (
        <p role="alert" className="notice bad">
          {problem}
        </p>
      )}
    </>
  );
}
