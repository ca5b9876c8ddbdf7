import { Popover } from 'radix-ui';
import { leastAheadS, mostAheadS } from '../stored/buffer-ahead.ts';
import { spokenTime } from '../stored/clock.ts';

/** How far ahead the player reads: the viewer's choice between a smooth picture and paying for what is not watched. */
export function StoredSettings({ aheadS, onAhead }: { aheadS: number; onAhead: (seconds: number) => void }) {
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <button type="button" className="button small" aria-label={`${aheadS} s are read ahead: change it`} data-testid="stored-settings">
          {aheadS} s
        </button>
      </Popover.Trigger>
      <Popover.Content className="card stack-s popover" sideOffset={8} collisionPadding={12}>
        <label className="field">
          <span>Read ahead: {aheadS} s</span>
          <input
            type="range"
            min={leastAheadS}
            max={mostAheadS}
            step={5}
            value={aheadS}
            aria-valuetext={spokenTime(aheadS)}
            onChange={(event) => onAhead(Number(event.target.value))}
            data-testid="buffer-ahead"
            data-value={aheadS}
          />
          <span className="hint">More of it rides out a slow connection. What is read is paid for, also when you do not watch it.</span>
        </label>
      </Popover.Content>
    </Popover.Root>
  );
}
