/** What went wrong, in a sentence for the person: wallets, nodes and the contracts' custom errors. */
import { BaseError, ContractFunctionRevertedError, InsufficientFundsError, UserRejectedRequestError } from 'viem';
import sentences from '../../../contracts/errors.json' with { type: 'json' };
import { contractErrors } from '../contracts/errors.ts';
import { formatEther, formatUnits } from '../money.ts';

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

function isCancelled(error: unknown): boolean {
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

/** The one table of sentences is contracts/errors.json; Rust fills it in the same way (contracts/errors.rs). */
export function revertSentence(name: string, args: readonly unknown[]): string {
  // What Solidity itself, and contracts that are not ours, revert with.
  if (name === 'Error') return `The contract refused: ${printable(String(args[0]))}`;
  if (name === 'Panic') return `The contract failed (panic ${args[0]}). Nothing has changed.`;
  const inputs = contractErrors.get(name)?.inputs ?? [];
  const template: string | undefined = Object.hasOwn(sentences, name) ? sentences[name as keyof typeof sentences] : undefined;
  if (template === undefined) return `The contract refused: ${name}.`;
  return template.replace(/\{(\w+)(?::(\w+))?\}/g, (placeholder, argument: string, format: string | undefined) => {
    const value = args[inputs.findIndex((input) => input.name === argument)];
    return value === undefined ? placeholder : argumentText(value, format);
  });
}

function argumentText(value: unknown, format: string | undefined): string {
  if (typeof value !== 'bigint') return String(value);
  switch (format) {
    case 'ether':
      return formatEther(value);
    case 'share':
      return `${formatUnits(value, 2)}\u202f%`;
    case 'time':
      return time(value);
    default:
      return value.toString();
  }
}

/** Seconds since the Unix epoch as "2026-11-21 06:53:00 UTC", up to the year 9999. */
function time(seconds: bigint): string {
  if (seconds > 253_402_300_799n) return seconds.toString();
  const iso = new Date(Number(seconds) * 1000).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** A reason of somebody else's contract may be anything: one line, and of a length that fits one. */
function printable(reason: string): string {
  return [...reason]
    .slice(0, 200)
    .join('')
    .replace(/\p{Cc}/gu, ' ');
}
