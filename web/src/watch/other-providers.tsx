import type { Stream } from '../api/model.ts';
import { hostOf } from './offer-panel.tsx';

/** The way on when a provider does not answer, or has nothing that can be watched. */
export function OtherProviders({ others, onProvider }: { others: readonly Stream[]; onProvider: (provider: string) => void }) {
  if (others.length === 0) return null;
  return (
    <div className="row">
      {others.map((other) => (
        <button
          key={other.provider}
          type="button"
          className="button small"
          title={other.url}
          onClick={() => onProvider(other.provider)}
          data-testid="other-provider"
        >
          Try {hostOf(other.url)}
        </button>
      ))}
    </div>
  );
}
