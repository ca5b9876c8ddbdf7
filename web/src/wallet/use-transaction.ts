/** Writes to the contracts: simulated first, so that a revert is a sentence before the wallet opens; done when it is in a block. */
import { useQueryClient } from '@tanstack/react-query';
import type { Hex, TransactionReceipt } from 'viem';
import { useConfig, useConnection } from 'wagmi';
import { getConnection, simulateContract, switchChain, writeContract } from 'wagmi/actions';
import { earningsSplitterAbi, streamRegistryAbi } from '../contracts/abi.ts';
import { withAllErrors } from '../contracts/errors.ts';
import { useServices } from '../services.tsx';
import { included } from './included.ts';

interface Call {
  readonly functionName: string;
  readonly args: readonly unknown[];
  readonly value?: bigint;
  /** Before the wallet opens. It does not when this fails. */
  readonly onAsk?: () => Promise<void>;
  /** When the wallet has sent it, and before it is in a block. */
  readonly onSent?: (hash: Hex) => void;
}

export function useContracts() {
  const { config } = useServices();
  const wallets = useConfig();
  const connection = useConnection();
  const queries = useQueryClient();

  const write = async (address: Hex, abi: readonly unknown[], { onAsk, onSent, ...call }: Call): Promise<TransactionReceipt> => {
    if (getConnection(wallets).chainId !== config.chain.id) await switchChain(wallets, { chainId: config.chain.id });
    // The ABI is chosen by the callers below, so the types of a single function are not carried through here.
    const request = {
      address,
      abi: withAllErrors(abi),
      chainId: config.chain.id,
      account: getConnection(wallets).address,
      ...call,
    } as never;
    const simulated = await simulateContract(wallets, request);
    await onAsk?.();
    const hash = await writeContract(wallets, simulated.request as never);
    onSent?.(hash);
    const receipt = await included(wallets, config.chain.id, hash);
    void queries.invalidateQueries();
    return receipt;
  };

  return {
    account: connection.address ?? null,
    registry: (call: Call) => write(config.registry, streamRegistryAbi, call),
    splitter: (call: Call) => write(config.splitter, earningsSplitterAbi, call),
  };
}
