/** An address for change on regtest, so that trying the page needs no wallet. Its key stays in this browser. Devnet builds only. */
import { p2wpkh, TEST_NETWORK } from '@scure/btc-signer';
import { fromHex, toHex } from '../bitcoin/bytes.ts';
import { newSecret, publicKeyOf } from '../bitcoin/signature.ts';

const key = 'paystream.dev.change-key';

export function devChangeAddress(): string {
  const stored = localStorage.getItem(key);
  const secret = stored === null ? newSecret() : fromHex('key', stored, 32);
  if (stored === null) localStorage.setItem(key, toHex(secret));
  const address = p2wpkh(publicKeyOf(secret), { ...TEST_NETWORK, bech32: 'bcrt' }).address;
  if (address === undefined) throw new Error('a key without an address');
  return address;
}
