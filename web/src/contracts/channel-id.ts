/** A channel's id, and the nonces of the EIP-3009 authorisations that pay for one thing and for nothing else. */
import { type ContractFunctionArgs, encodeAbiParameters, getAbiItem, type Hex, keccak256, toHex } from 'viem';
import { earningsSplitterAbi } from './abi.ts';

export type Channel = ContractFunctionArgs<typeof earningsSplitterAbi, 'view', 'channelIdOf'>[0];

const [channelInput] = getAbiItem({ abi: earningsSplitterAbi, name: 'channelIdOf' }).inputs;
const bytes32 = { type: 'bytes32' } as const;
const address = { type: 'address' } as const;
const viewAuthorization = keccak256(toHex('ViewAuthorization(bytes32 contentId,address provider,address viewer,bytes32 salt)'));
const topUpAuthorization = keccak256(toHex('TopUpAuthorization(bytes32 channelId,bytes32 salt)'));

/** What `channelIdOf` of the splitter answers: keccak256(abi.encode(chain id, splitter, channel)). It is the nonce of the authorisation that opens the channel, too. */
export function channelIdOf(chainId: number, splitter: Hex, channel: Channel): Hex {
  return keccak256(encodeAbiParameters([{ type: 'uint256' }, address, channelInput], [BigInt(chainId), splitter, channel]));
}

export function topUpAuthorizationNonce(channelId: Hex, salt: Hex): Hex {
  return keccak256(encodeAbiParameters([bytes32, bytes32, bytes32], [topUpAuthorization, channelId, salt]));
}

export function viewAuthorizationNonce(contentId: Hex, provider: Hex, viewer: Hex, salt: Hex): Hex {
  const types = [bytes32, bytes32, address, address, bytes32] as const;
  return keccak256(encodeAbiParameters(types, [viewAuthorization, contentId, provider, viewer, salt]));
}
