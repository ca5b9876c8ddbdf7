import type { PlayerState } from '../stored/player.ts';

/** Why a stored video does not go on, and what can be done. */
export function StoredProblem({ state, onRetry }: { state: PlayerState | null; onRetry: () => void }) {
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
    </div>
  );
}
