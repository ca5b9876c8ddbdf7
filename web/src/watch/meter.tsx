import { AlertDialog } from 'radix-ui';
import { maxPaidOf } from '../channels/pay.ts';
import type { ChannelRecord } from '../channels/store.ts';
import { useTip } from '../channels/use-tip.ts';
import { formatDuration, formatInteger, formatRate, formatSat } from '../money.ts';
import type { Session } from '../session/core.ts';
import { leavingInWords } from './leaving.ts';
import { Tape } from './tape.tsx';
import type { Watching } from './use-session.ts';
import { stateInWords, type Words } from './words.ts';

/** Of a stored video: its player pauses, not the payment, and what was checked is shown. */
export interface StoredMeter {
  readonly words: (session: Session) => Words;
  readonly playing: boolean;
  readonly stopped: boolean;
  readonly checkedMs: number;
  readonly onToggle: () => void;
}

export function Meter({
  record,
  watching,
  minConfirmations,
  stored = null,
}: {
  record: ChannelRecord;
  watching: Watching;
  minConfirmations: number | null;
  stored?: StoredMeter | null;
}) {
  const { session } = watching;
  const rate = BigInt(record.terms.msat_per_second);
  const max = maxPaidOf(record);
  // Before the provider has spoken, what was signed is what was paid.
  const paid =
    session !== null && session.phase !== 'connecting' && session.accepted.paidSat > 0n
      ? session.accepted.paidSat
      : (record.signed?.paidSat ?? 0n);
  const remaining = max > paid ? max - paid : 0n;
  const paidMs = rate === 0n ? 0 : Number((paid * 1_000_000n) / rate);
  const leftMs = rate === 0n ? 0 : Number((remaining * 1_000_000n) / rate);
  const share = max === 0n ? 0 : Number((paid * 1000n) / max) / 10;
  const words =
    session === null || watching.waiting !== null
      ? { tone: 'wait' as const, text: 'Telling the provider of your payment', detail: watching.waiting }
      : stored !== null
        ? stored.words(session)
        : stateInWords(session, watching.playback, minConfirmations);
  return (
    <section className="card meter" aria-label="Meter" data-testid="meter">
      <div className="stack-s">
        <p className="meter-state" role="status" data-testid="session-state">
          <span className={`lamp ${words.tone}`} aria-hidden="true" />
          {words.text}
        </p>
        {words.detail !== null && <p className="faint">{words.detail}</p>}
      </div>
      <div className="stack-s">
        <p className="meter-paid">
          <span className="meter-figure" data-testid="paid-sat" data-value={paid.toString()}>
            <span className="tick" key={paid.toString()}>
              {formatInteger(paid)}
            </span>
          </span>
          <span className="quiet">sat paid</span>
        </p>
        <Tape receipts={session?.receipts ?? 0} />
        <p className="faint">The last minute, second by second</p>
      </div>
      <div className="stack-s">
        <div
          className="gauge"
          role="progressbar"
          aria-label="Channel used"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.round(share)}
        >
          <div style={{ width: `${share}%` }} />
        </div>
        <p className="faint row spread">
          <span>Channel {share.toFixed(1)} % used</span>
          <span className="mono">{formatDuration(leftMs)} left</span>
        </p>
      </div>
      <dl className="figures">
        <div>
          <dt>Rate</dt>
          <dd data-testid="rate">{formatRate(rate)} sat/s</dd>
        </div>
        <div>
          <dt>Per hour</dt>
          <dd>{formatRate(rate, 3600n)} sat</dd>
        </div>
        <div>
          <dt>Paid for</dt>
          <dd data-testid="watched" data-value={paidMs}>
            {formatDuration(paidMs)}
          </dd>
        </div>
        {stored !== null && (
          <div>
            <dt>Checked</dt>
            <dd data-testid="checked" data-value={stored.checkedMs}>
              {formatDuration(stored.checkedMs)}
            </dd>
          </div>
        )}
        <div>
          <dt>Remaining</dt>
          <dd data-testid="remaining-sat" data-value={remaining.toString()}>
            {formatSat(remaining)}
          </dd>
        </div>
      </dl>
      <div className="meter-buttons">
        {stored !== null ? (
          <button
            type="button"
            className="button primary"
            onClick={stored.onToggle}
            disabled={stored.stopped || session?.phase === 'leaving'}
            data-testid={stored.playing ? 'pause' : 'resume'}
          >
            {stored.playing ? 'Pause' : 'Play'}
          </button>
        ) : session?.paying === false ? (
          <button
            type="button"
            className="button primary"
            onClick={watching.resume}
            disabled={session.phase === 'leaving'}
            data-testid="resume"
          >
            Resume
          </button>
        ) : (
          <button
            type="button"
            className="button primary"
            onClick={watching.pause}
            disabled={session?.phase !== 'active'}
            data-testid="pause"
          >
            Pause payment
          </button>
        )}
        <Leave
          record={record}
          session={session}
          onLeave={watching.leave}
          disabled={session === null || session.phase === 'leaving' || session.phase === 'ended' || session.phase === 'refused'}
        />
      </div>
    </section>
  );
}

function Leave(props: { record: ChannelRecord; session: Session | null; onLeave: () => void; disabled: boolean }) {
  const { record, session, onLeave, disabled } = props;
  const tip = useTip(record.providerUrl);
  const words = leavingInWords(record, session?.phase ?? 'connecting', record.signed?.paidSat ?? 0n, tip.data ?? null);
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger asChild>
        <button type="button" className="button" disabled={disabled} data-testid="leave">
          Leave
        </button>
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="overlay" />
        <AlertDialog.Content className="dialog card stack">
          <AlertDialog.Title asChild>
            <h2>{words.title}</h2>
          </AlertDialog.Title>
          <AlertDialog.Description className="quiet" data-testid="leave-words">
            {words.text}
          </AlertDialog.Description>
          <div className="row">
            <AlertDialog.Action asChild>
              <button type="button" className="button primary" onClick={onLeave} data-testid="leave-confirm">
                {words.action}
              </button>
            </AlertDialog.Action>
            <AlertDialog.Cancel asChild>
              <button type="button" className="button">
                Keep watching
              </button>
            </AlertDialog.Cancel>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
