/** The viewer's way out when the provider is gone (section 6). */
import { divideRoundedUp, toHex } from './bytes.ts';
import { digests, spend } from './closing.ts';
import { ChannelError } from './error.ts';
import { type Funding, witnessScript } from './funding.ts';
import { dustLimit } from './script.ts';
import { requireSecretOf, sign, witnessSignature } from './signature.ts';
import type { ChannelTerms } from './terms.ts';

const SIGHASH_ALL = 0x01;
const REFUND_SEQUENCE = 0xffff_fffe;
/** DER with low `s`, and the sighash byte. */
const MAX_SIGNATURE_LENGTH = 72;

export interface Refund {
  readonly txid: string;
  /** Ready to broadcast. */
  readonly hex: string;
  readonly valueSat: bigint;
}

/** Builds and signs the refund of the whole funding to `change_script`. */
export function signRefund(terms: ChannelTerms, funding: Funding, feeSat: bigint, viewerSecret: Uint8Array): Refund {
  requireSecretOf(terms.viewerKey, viewerSecret);
  const valueSat = funding.capacitySat - feeSat;
  const dust = dustLimit(terms.changeScript);
  if (feeSat < 0n || valueSat < dust)
    throw new ChannelError('malformed', `a fee of ${feeSat} sat leaves ${valueSat} sat, under the limit of ${dust} sat`);
  const transaction = spend(terms, funding, { version: 2, lockTime: terms.expiryHeight, sequence: REFUND_SEQUENCE });
  transaction.addOutput({ amount: valueSat, script: terms.changeScript });
  digests(terms, funding, transaction, SIGHASH_ALL).forEach((digest, index) => {
    // The empty element stands where S would sign: OP_CHECKSIG leaves false and the height decides.
    const finalScriptWitness = [new Uint8Array(), witnessSignature(sign(digest, viewerSecret), SIGHASH_ALL), witnessScript(terms)];
    transaction.updateInput(index, { finalScriptWitness }, true);
  });
  return { txid: transaction.id, hex: toHex(transaction.toBytes(true, true)), valueSat };
}

/** The fee of a refund at a fee rate in millisatoshis per virtual byte, rounded up. */
export function refundFee(terms: ChannelTerms, funding: Funding, msatPerVbyte: bigint): bigint {
  return divideRoundedUp(BigInt(refundMaxVsize(terms, funding.outputs.length)) * msatPerVbyte, 1000n);
}

function refundMaxVsize(terms: ChannelTerms, inputs: number): number {
  const inputCount = inputs < 0xfd ? 1 : 9;
  const base = 4 + inputCount + inputs * 41 + 1 + (8 + 1 + terms.changeScript.length) + 4;
  const witness = 2 + inputs * (1 + 1 + (1 + MAX_SIGNATURE_LENGTH) + (1 + witnessScript(terms).length));
  return Math.ceil((4 * base + witness) / 4);
}
