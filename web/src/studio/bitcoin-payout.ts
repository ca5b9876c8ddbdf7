import type { Address } from 'viem';
import { useReadContract } from 'wagmi';
import { streamRegistryAbi } from '../contracts/abi.ts';
import { useServices } from '../services.tsx';

/** The scriptPubKey to which the creator's share of Bitcoin goes, as the registry has it; `0x` while there is none. */
export function useBitcoinPayout(account: Address) {
  const { config } = useServices();
  return useReadContract({
    address: config.registry,
    abi: streamRegistryAbi,
    functionName: 'bitcoinPayoutOf',
    args: [account],
    chainId: config.chain.id,
    query: { refetchInterval: 5_000 },
  });
}
