/** The standard scripts, their addresses and their dust limits. */
import { Address, NETWORK, OutScript, TEST_NETWORK } from '@scure/btc-signer';
import { ChannelError } from './error.ts';

export type Network = 'bitcoin' | 'testnet4' | 'signet' | 'regtest';

export type ScriptKind = 'p2pkh' | 'p2sh' | 'p2wpkh' | 'p2wsh' | 'p2tr';

/** Bitcoin Core's dust limits at 3 sat/vB. */
const DUST_SAT: Readonly<Record<ScriptKind, bigint>> = { p2pkh: 546n, p2sh: 540n, p2wpkh: 294n, p2wsh: 330n, p2tr: 330n };

const ADDRESSES = { bitcoin: NETWORK, testnet4: TEST_NETWORK, signet: TEST_NETWORK, regtest: { ...TEST_NETWORK, bech32: 'bcrt' } };

/** Which standard script it is; null when it is none. */
export function scriptKind(script: Uint8Array): ScriptKind | null {
  const hasShape = (length: number, head: readonly number[], tail: readonly number[] = []) =>
    script.length === length &&
    head.every((byte, index) => script[index] === byte) &&
    tail.every((byte, index) => script[length - tail.length + index] === byte);
  if (hasShape(25, [0x76, 0xa9, 20], [0x88, 0xac])) return 'p2pkh';
  if (hasShape(23, [0xa9, 20], [0x87])) return 'p2sh';
  if (hasShape(22, [0x00, 20])) return 'p2wpkh';
  if (hasShape(34, [0x00, 32])) return 'p2wsh';
  if (hasShape(34, [0x51, 32])) return 'p2tr';
  return null;
}

/** Whether change and refunds may go there: a witness program. */
export function isWitnessScript(script: Uint8Array): boolean {
  const kind = scriptKind(script);
  return kind === 'p2wpkh' || kind === 'p2wsh' || kind === 'p2tr';
}

/** The least that an output to the script may hold. */
export function dustLimit(script: Uint8Array): bigint {
  const kind = scriptKind(script);
  if (kind === null) throw new ChannelError('unsupported_script', 'the script is not a standard one');
  return DUST_SAT[kind];
}

/** The script that an address of the network stands for. */
export function scriptOfAddress(address: string, network: Network): Uint8Array {
  try {
    return OutScript.encode(Address(ADDRESSES[network]).decode(address.trim()));
  } catch (cause) {
    throw new ChannelError(
      'unsupported_script',
      `"${address}" is no address on ${network}: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
}

/** The address of a script on the network. */
export function addressOfScript(script: Uint8Array, network: Network): string {
  return Address(ADDRESSES[network]).encode(OutScript.decode(script));
}
