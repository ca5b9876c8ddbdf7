/** What went wrong, in a sentence for the person: wallets, nodes and the contracts' custom errors. */
import { BaseError, ContractFunctionRevertedError, InsufficientFundsError, UserRejectedRequestError } from 'viem';
import { formatEther } from '../money.ts';

/** Null: the person cancelled in the wallet (EIP-1193 code 4001), which is no error. */
export function sentence(error: unknown): string | null {
  if (isCancelled(error)) return null;
  if (error instanceof BaseError) {
    const revert = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
    if (revert instanceof ContractFunctionRevertedError && revert.data !== undefined) {
      return revertSentence(revert.data.errorName, revert.data.args ?? []);
    }
    if (error.walk((cause) => cause instanceof InsufficientFundsError) !== null) {
      return 'The wallet does not hold enough ether for this payment and its network fee.';
    }
    const rejection = rejectionIn(error);
    return rejection === null ? error.shortMessage : `The wallet refused: ${rejection.details}`;
  }
  return error instanceof Error ? error.message : String(error);
}

export function isCancelled(error: unknown): boolean {
  const rejection = rejectionIn(error);
  if (rejection === null) return codeOf(error) === 4001;
  // wagmi calls every failure to add a network a rejection: the wallet's own code tells which it was.
  return (codeOf(rejection.cause) ?? 4001) === 4001;
}

function rejectionIn(error: unknown): BaseError | null {
  const found = error instanceof BaseError ? error.walk((cause) => cause instanceof UserRejectedRequestError) : null;
  return found instanceof BaseError ? found : null;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

export function revertSentence(name: string, args: readonly unknown[]): string {
  const at = (index: number): string => String(args[index] ?? '?');
  switch (name) {
    case 'ContentAlreadyRegistered':
      return 'You have registered this content already. Change its terms instead.';
    case 'ContentNotFound':
      return 'This content is not registered.';
    case 'ContentNotActive':
      return 'This content has been withdrawn by its creator.';
    case 'NotCreator':
      return 'Only the account that registered this content may change it. Switch to that account in your wallet.';
    case 'CreatorShareAboveMaximum':
      return 'The creator’s share cannot be above 100 %.';
    case 'PayoutIsZero':
      return 'Name an account that receives the creator’s share.';
    case 'CidLengthInvalid':
      return `The content’s CID must have 1 to ${at(1)} characters.`;
    case 'NameTooLong':
      return `The title is too long: ${at(0)} bytes, and ${at(1)} are allowed.`;
    case 'MetadataURITooLong':
      return `The address of the metadata is too long: ${at(1)} bytes are allowed.`;
    case 'UrlLengthInvalid':
      return `The streamer’s address must have 1 to ${at(1)} characters.`;
    case 'ScriptPubKeyNotStandard':
      return 'That is not a Bitcoin address that payments can be made to.';
    case 'StreamNotRegistered':
      return 'This provider does not carry this content any more. Choose another one.';
    case 'TokenNotSupported':
      return 'This content is priced in a token that cannot be paid here yet.';
    case 'PriceAboveMaximum':
    case 'IncorrectPayment':
      return `The creator has changed the price${typeof args[1] === 'bigint' && name === 'IncorrectPayment' ? ` to ${formatEther(args[1])}` : ''}. Look at the new price and try again.`;
    case 'NothingToClaim':
      return 'There is nothing left to claim.';
    case 'RecipientIsZero':
      return 'Name an account that receives the earnings.';
    case 'ETHTransferFailed':
      return 'The receiving account refused the ether.';
    default:
      return `The contract refused: ${name}.`;
  }
}
