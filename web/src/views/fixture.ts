/** For tests: the log of a view that was paid for. */
import { type Address, encodeAbiParameters, encodeEventTopics, type Hex, zeroAddress } from 'viem';
import { earningsSplitterAbi } from '../contracts/abi.ts';

export function viewRecorded(of: { splitter: Address; contentId: Hex; provider: Address; account: Address }) {
  const { splitter: address, contentId, provider, account: viewer } = of;
  const [address32, uint256] = [{ type: 'address' }, { type: 'uint256' }] as const;
  return {
    address,
    topics: encodeEventTopics({ abi: earningsSplitterAbi, eventName: 'ViewRecorded', args: { contentId, provider, viewer } }),
    data: encodeAbiParameters([address32, uint256, uint256, uint256, address32], [zeroAddress, 10n, 9n, 1n, provider]),
    blockNumber: '0x1',
    blockHash: `0x${'00'.repeat(32)}`,
    transactionHash: `0x${'7b'.repeat(32)}`,
    transactionIndex: '0x0',
    logIndex: '0x0',
    removed: false,
  };
}
