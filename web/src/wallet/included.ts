/** Waits until a transaction is in a block, and says so when it is there but did nothing, or was replaced by another. */
import { type Hex, type TransactionReceipt, WaitForTransactionReceiptTimeoutError } from 'viem';
import { waitForTransactionReceipt } from 'viem/actions';
import type { Config } from 'wagmi';
import { shorten } from '../money.ts';

const patienceMs = 180_000;

/** What it was to do has not happened, and will not. */
export class TransactionFailed extends Error {
  override readonly name = 'TransactionFailed';
}

export async function included(wallets: Config, chainId: number, hash: Hex): Promise<TransactionReceipt> {
  const replaced = { byAnother: false };
  const receipt = await waitForTransactionReceipt(wallets.getClient({ chainId }), {
    hash,
    timeout: patienceMs,
    // Sent again at another fee it is the same payment.
    onReplaced: ({ reason }) => {
      replaced.byAnother = reason !== 'repriced';
    },
  }).catch((error: unknown) => {
    if (!(error instanceof WaitForTransactionReceiptTimeoutError)) throw error;
    throw new Error(
      `The transaction ${shorten(hash, 10, 6)} was sent and is not in a block yet. Nothing needs to be sent again: look into your wallet.`,
      { cause: error },
    );
  });
  if (replaced.byAnother) throw new TransactionFailed('The wallet sent another transaction in the place of this one. Nothing was changed.');
  if (receipt.status !== 'success')
    throw new TransactionFailed('The transaction was included but failed. Nothing was changed; only its fee is gone.');
  return receipt;
}
