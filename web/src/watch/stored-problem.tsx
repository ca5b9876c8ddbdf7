import { costOf, formatSat } from '../money.ts';
import type { PlayerState } from '../stored/player.ts';

/** Why a stored video does not go on, and what can be done. `rate` is in msat a second; null where nothing is paid by the second. */
export function StoredProblem({ state, onRetry, rate }: { state: PlayerState | null; onRetry: () => void; rate: bigint | null }) {
  const problem = state?.problem ?? null;
  if (problem === null) {
    return state?.retrying === true ? (
      <p className="notice" role="status">
        The provider’s answer broke off. It is asked for again.
      </p>
    ) : null;
  }
  return (
    <div className="notice bad stack-s" role="alert" data-testid="stored-problem" data-kind={problem.kind} data-cid={problem.cid ?? ''}>
      <p className="breakable">{problem.text}</p>
      {problem.kind === 'unreachable' && (
        <button type="button" className="button small" onClick={onRetry} data-testid="stored-retry">
          Try again
        </button>
      )}
      {problem.costMs !== undefined && rate !== null && (
        <>
          <p>Go on only if you trust its creator, or leave: the rest of your money comes back.</p>
          <button type="button" className="button small" onClick={onRetry} data-testid="stored-allow">
            Pay up to {formatSat(costOf(rate, BigInt(problem.costMs)))} for a block
          </button>
        </>
      )}
    </div>
  );
}
