/** The closing transaction (section 4.1), which a payment stands for and which both sides build. */
import { Transaction } from '@scure/btc-signer';
import { type Funding, fundingScript, witnessScript } from './funding.ts';
import { type Payouts, split } from './split.ts';
import type { ChannelTerms } from './terms.ts';

/** `SIGHASH_ALL|SIGHASH_ANYONECANPAY`: the viewer binds all outputs and leaves inputs open. */
const VIEWER_SIGHASH = 0x81;

const CLOSING_SEQUENCE = 0xffff_fffd;

export interface ClosingTransaction {
  readonly transaction: Transaction;
  readonly payouts: Payouts;
}

/** Builds it for the cumulative amount, unsigned. */
export function closingTransaction(terms: ChannelTerms, funding: Funding, paidSat: bigint): ClosingTransaction {
  const payouts = split(terms, funding.capacitySat, paidSat);
  const transaction = spend(terms, funding, { version: 3, lockTime: 0, sequence: CLOSING_SEQUENCE });
  const outputs: readonly (readonly [bigint, Uint8Array])[] = [
    [payouts.providerSat, terms.providerScript],
    [payouts.creatorSat, terms.creatorScript],
    [payouts.changeSat, terms.changeScript],
  ];
  for (const [amount, script] of outputs) {
    if (amount > 0n) transaction.addOutput({ amount, script });
  }
  return { transaction, payouts };
}

/** What the viewer signs for each input of a closing transaction. */
export function viewerDigests(terms: ChannelTerms, funding: Funding, transaction: Transaction): readonly Uint8Array[] {
  return digests(terms, funding, transaction, VIEWER_SIGHASH);
}

/** A transaction that spends the whole funding and has no outputs yet. */
export function spend(terms: ChannelTerms, funding: Funding, how: { version: number; lockTime: number; sequence: number }): Transaction {
  const transaction = new Transaction({
    version: how.version,
    lockTime: how.lockTime,
    allowUnknownInputs: true,
    allowUnknownOutputs: true,
  });
  const script = fundingScript(terms);
  for (const { txid, vout, valueSat } of funding.outputs) {
    transaction.addInput({
      txid,
      index: vout,
      sequence: how.sequence,
      witnessUtxo: { amount: valueSat, script },
      witnessScript: witnessScript(terms),
    });
  }
  return transaction;
}

/** The BIP 143 digest of each input. */
export function digests(terms: ChannelTerms, funding: Funding, transaction: Transaction, sighash: number): readonly Uint8Array[] {
  const script = witnessScript(terms);
  return funding.outputs.map(({ valueSat }, index) => transaction.preimageWitnessV0(index, script, sighash, valueSat));
}
