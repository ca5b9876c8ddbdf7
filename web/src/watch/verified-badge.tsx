import { formatInteger } from '../money.ts';
import type { PlayerState } from '../stored/player.ts';
import { CopyLine } from '../ui/copy.tsx';
import { hostOf } from './offer-panel.tsx';

/** That what is seen is what the CID names, and by what it is known. */
export function VerifiedBadge({ cid, providerUrl, state }: { cid: string; providerUrl: string; state: PlayerState | null }) {
  const damaged = state?.problem?.kind === 'damaged';
  const blocks = state?.checkedBlocks ?? 0;
  return (
    <details
      className="card verified"
      data-testid="verified-badge"
      data-outcome={damaged ? 'damaged' : blocks > 0 ? 'verified' : 'waiting'}
    >
      <summary>
        <span className={`badge ${damaged ? 'bad' : blocks > 0 ? 'good' : ''}`}>
          {damaged ? 'Check failed' : blocks > 0 ? 'Verified' : 'Not checked yet'}
        </span>{' '}
        {damaged ? 'A block is not what it should be' : 'Each block is checked before it plays and before it is paid for'}
      </summary>
      <div className="stack-s">
        <CopyLine value={cid} label="the CID" />
        <dl className="facts">
          <dt>Blocks checked</dt>
          <dd className="mono" data-testid="verified-blocks" data-value={blocks}>
            {formatInteger(BigInt(blocks))}
          </dd>
          <dt>Bytes checked</dt>
          <dd className="mono" data-testid="verified-bytes" data-value={state?.checkedBytes ?? 0}>
            {formatInteger(BigInt(state?.checkedBytes ?? 0))}
          </dd>
          <dt>Provider</dt>
          <dd title={providerUrl} data-testid="verified-provider">
            {hostOf(providerUrl)}
          </dd>
        </dl>
        <p className="faint">
          The creator registered this CID on Ethereum. Your browser hashes every block (SHA-256) and compares it; a block that differs is
          neither shown nor paid.
        </p>
      </div>
    </details>
  );
}
