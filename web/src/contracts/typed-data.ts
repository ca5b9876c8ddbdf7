/** What accounts sign so that somebody else may send it (EIP-712). The types are generated from the contracts' ABIs. */
import type { Hex } from 'viem';
import { registryDomain, registryTypedData, splitterDomain, splitterTypedData } from './abi.ts';

/** For `signTypedData`, beside `primaryType` and `message`: an action at this registry. */
export function registrySigning(chainId: number, registry: Hex) {
  return { domain: { ...registryDomain, chainId, verifyingContract: registry }, types: registryTypedData } as const;
}

/** For `signTypedData`, beside `primaryType` and `message`: a view or a voucher at this splitter. */
export function splitterSigning(chainId: number, splitter: Hex) {
  return { domain: { ...splitterDomain, chainId, verifyingContract: splitter }, types: splitterTypedData } as const;
}
