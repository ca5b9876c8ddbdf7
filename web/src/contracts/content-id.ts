/** What `contentIdOf` of the registry answers: keccak256(abi.encode(creator, cid)). */
import { type Address, encodeAbiParameters, type Hex, keccak256 } from 'viem';

export function contentIdOf(creator: Address, cid: string): Hex {
  return keccak256(encodeAbiParameters([{ type: 'address' }, { type: 'string' }], [creator, cid]));
}
