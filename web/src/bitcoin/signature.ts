/** ECDSA as the protocol speaks it: RFC 6979 nonces, low `s`, 64 bytes `r || s`. */
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { ChannelError } from './error.ts';

export function sign(digest: Uint8Array, secret: Uint8Array): Uint8Array {
  return secp256k1.sign(digest, secret, { prehash: false, lowS: true, format: 'compact' });
}

/** Whether it signs the digest by the key, with a low `s`. */
export function verifies(signature: Uint8Array, digest: Uint8Array, key: Uint8Array): boolean {
  try {
    return secp256k1.verify(signature, digest, key, { prehash: false, lowS: true, format: 'compact' });
  } catch {
    return false; // r or s is out of range, or the length is wrong
  }
}

/** The public key of a secret, compressed. */
export function publicKeyOf(secret: Uint8Array): Uint8Array {
  return secp256k1.getPublicKey(secret, true);
}

/** A fresh secret key. */
export function newSecret(): Uint8Array {
  return secp256k1.utils.randomSecretKey();
}

/** DER with the sighash byte, as a witness carries it. */
export function witnessSignature(signature: Uint8Array, sighash: number): Uint8Array {
  return concatBytes(secp256k1.Signature.fromBytes(signature, 'compact').toBytes('der'), Uint8Array.of(sighash));
}

/** Throws `bad_signature` when the secret is not that of the key. */
export function requireSecretOf(key: Uint8Array, secret: Uint8Array): void {
  if (!publicKeyOf(secret).every((byte, index) => byte === key[index]))
    throw new ChannelError('bad_signature', 'the secret is not that of the viewer_key');
}
