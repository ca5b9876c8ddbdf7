/** Writes to the contracts: simulated first, so that a revert is a sentence before the wallet opens; done when it is in a block. */
import { useQueryClient } from '@tanstack/react-query';
import { type Address, type Hex, isAddressEqual, type TransactionReceipt } from 'viem';
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
  /** The account that the person was told of, where that matters: no other one sends it. */
  readonly from?: Address;
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

  const write = async (address: Hex, abi: readonly unknown[], { from, onAsk, onSent, ...call }: Call): Promise<TransactionReceipt> => {
    if (getConnection(wallets).chainId !== config.chain.id) await switchChain(wallets, { chainId: config.chain.id });
    const account = getConnection(wallets).address;
    if (from !== undefined && (account === undefined || !isAddressEqual(account, from))) {
      throw new Error('Your wallet is on another account now. Nothing was sent.');
    }
    // The ABI is chosen by the callers below, so the types of a single function are not carried through here.
    const request = {
      address,
      abi: withAllErrors(abi),
      chainId: config.chain.id,
      account,
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
