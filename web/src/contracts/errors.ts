/** The custom errors of all contracts: a call to one may be refused by another that it calls. */
import { earningsSplitterAbi, payoutSplitAbi, payoutSplitFactoryAbi, streamRegistryAbi } from './abi.ts';

const abis = [...streamRegistryAbi, ...earningsSplitterAbi, ...payoutSplitFactoryAbi, ...payoutSplitAbi];
type ContractError = Extract<(typeof abis)[number], { type: 'error' }>;

/** Each once, by name. */
export const contractErrors: ReadonlyMap<string, ContractError> = new Map(
  abis.flatMap((entry) => (entry.type === 'error' ? [[entry.name, entry]] : [])),
);

/** A contract's ABI with everybody's errors in place of its own, so that viem decodes whichever comes back. */
export function withAllErrors(abi: readonly unknown[]): readonly unknown[] {
  const rest = abi.filter((entry) => (entry as { readonly type: string }).type !== 'error');
  return [...rest, ...contractErrors.values()];
}
