/** Wallets announce themselves (EIP-6963); the page brings none of its own. */
import { defineChain } from 'viem';
import { createConfig, http } from 'wagmi';
import type { Config } from '../config.ts';

export function walletConfig(config: Config) {
  const chain = defineChain({
    id: config.chain.id,
    name: config.chain.name,
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [config.chain.rpcUrl] } },
  });
  return createConfig({
    chains: [chain],
    connectors: [],
    multiInjectedProviderDiscovery: true,
    transports: { [chain.id]: http(config.chain.rpcUrl) },
    pollingInterval: 1_000,
  });
}
