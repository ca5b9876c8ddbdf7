import { useEffect, useRef, useState } from 'react';
import { formatClock, spokenTime } from '../stored/clock.ts';

/** A slider over the whole video: what is buffered, where the viewer is, and keys that step as players do. */
export function SeekBar(props: {
  durationS: number;
  timeS: number;
  buffered: readonly { readonly start: number; readonly end: number }[];
  onSeek: (seconds: number) => void;
  disabled: boolean;
}) {
  const { durationS, timeS, onSeek } = props;
  const input = useRef<HTMLInputElement>(null);
  /** Where the thumb is while it is dragged; the video follows when it is let go. */
  const [dragged, setDragged] = useState<number | null>(null);
  const seek = useRef(onSeek);
  seek.current = onSeek;
  useEffect(() => {
    const element = input.current;
    if (element === null) return;
    // The browser's own `change`: once, at the end of a drag. React's is every move of it.
    const change = (): void => {
      setDragged(null);
      seek.current(Number(element.value));
    };
    element.addEventListener('change', change);
    return () => element.removeEventListener('change', change);
  }, []);
  const at = Math.min(dragged ?? timeS, durationS);
  const percent = (seconds: number): string => `${durationS === 0 ? 0 : (100 * Math.min(seconds, durationS)) / durationS}%`;
  const jump = (seconds: number): void => onSeek(Math.min(durationS, Math.max(0, seconds)));
  return (
    <div className="seek-bar">
      <div className="seek-track" aria-hidden="true">
        {props.buffered.map(({ start, end }) => (
          <i key={start} className="seek-buffered" style={{ left: percent(start), right: `calc(100% - ${percent(end)})` }} />
        ))}
        <i className="seek-played" style={{ width: percent(at) }} />
      </div>
      <input
        ref={input}
        type="range"
        min={0}
        max={durationS}
        step="any"
        value={at}
        aria-label="Place in the video"
        aria-valuetext={`${spokenTime(at)} of ${spokenTime(durationS)}`}
        disabled={props.disabled}
        onChange={(event) => setDragged(Number(event.target.value))}
        onKeyDown={(event) => {
          const steps: Readonly<Record<string, number>> = {
            ArrowLeft: at - 5,
            ArrowDown: at - 5,
            ArrowRight: at + 5,
            ArrowUp: at + 5,
            PageDown: at - 30,
            PageUp: at + 30,
            Home: 0,
            End: durationS,
          };
          const to = steps[event.key];
          if (to === undefined) return;
          event.preventDefault();
          jump(to);
        }}
        data-testid="stored-seek"
        data-value={Math.round(timeS * 1000)}
        title={formatClock(at)}
      />
    </div>
  );
}
