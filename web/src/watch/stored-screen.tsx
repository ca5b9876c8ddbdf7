import { type ReactNode, useRef } from 'react';
import { formatClock } from '../stored/clock.ts';
import type { StoredVideo } from '../stored/offer.ts';
import { SeekBar } from './seek-bar.tsx';
import { StoredSettings } from './stored-settings.tsx';
import { usePoster } from './use-poster.ts';
import type { StoredPlayback } from './use-stored-player.ts';
import { playWithSound, useVideo } from './use-video.ts';

/** The picture of a stored video and its controls. */
export function StoredScreen(props: { playback: StoredPlayback; providerUrl: string; stored: StoredVideo; note: ReactNode }) {
  const { playback, stored, note } = props;
  const { video, state } = playback;
  const frame = useRef<HTMLDivElement>(null);
  const now = useVideo(video);
  const poster = usePoster(props.providerUrl, stored.picture);
  const durationS = (state?.durationMs ?? stored.durationMs) / 1000;
  const stopped = state?.phase === 'stopped';
  const soundOnly = stored.mimeType.startsWith('audio/');

  const toggle = (): void => {
    const element = video.current;
    if (element === null || stopped) return;
    if (!element.paused) {
      element.pause();
      return;
    }
    performance.mark('paystream.play');
    playWithSound(element);
  };
  const seek = (seconds: number): void => {
    const element = video.current;
    // The very end is a place after which nothing comes.
    if (element !== null && !stopped) element.currentTime = Math.max(0, Math.min(seconds, durationS - 0.05));
  };
  const mute = (): void => {
    const element = video.current;
    if (element === null) return;
    element.muted = !element.muted;
    if (!element.muted && element.volume === 0) element.volume = 0.5;
  };
  const fullScreen = (): void => {
    if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => undefined);
    else void frame.current?.requestFullscreen?.().catch(() => undefined);
  };

  return (
    <div className="stored" ref={frame}>
      <div className="screen">
        <video
          ref={video}
          playsInline
          aria-label={soundOnly ? 'Sound' : 'Video'}
          {...(poster === null ? {} : { poster })}
          onClick={toggle}
          data-testid="player"
        />
        {now.waiting && note === null && !stopped && <span className="screen-busy" role="status" aria-label="Loading" />}
        {note !== null && <div className="screen-note">{note}</div>}
      </div>
      <fieldset className="stored-controls" aria-label="Playback">
        <button
          type="button"
          className="button small"
          onClick={toggle}
          disabled={stopped}
          aria-label={now.playing ? 'Pause' : 'Play'}
          data-testid={now.playing ? 'stored-pause' : 'stored-play'}
        >
          <Icon name={now.playing ? 'pause' : 'play'} />
        </button>
        <SeekBar
          durationS={durationS}
          timeS={now.timeS}
          buffered={now.buffered}
          onSeek={seek}
          disabled={stopped || state?.phase !== 'playing'}
        />
        <span className="mono stored-time" data-testid="stored-time" data-value={Math.round(now.timeS * 1000)}>
          {formatClock(now.timeS)} / {formatClock(durationS)}
        </span>
        <div className="stored-sound">
          <button
            type="button"
            className="button small"
            onClick={mute}
            aria-label={now.muted ? 'Turn the sound on' : 'Mute'}
            data-testid="stored-mute"
          >
            <Icon name={now.muted || now.volume === 0 ? 'muted' : 'sound'} />
          </button>
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={now.muted ? 0 : now.volume}
            aria-label="Volume"
            onChange={(event) => {
              const element = video.current;
              if (element === null) return;
              element.volume = Number(event.target.value);
              element.muted = element.volume === 0;
            }}
            data-testid="stored-volume"
          />
        </div>
        <StoredSettings aheadS={playback.aheadS} onAhead={playback.setAhead} />
        <button type="button" className="button small" onClick={fullScreen} aria-label="Full screen" data-testid="stored-full-screen">
          <Icon name="full" />
        </button>
      </fieldset>
    </div>
  );
}

const shapes = {
  play: 'M6 4l14 8-14 8z',
  pause: 'M6 4h4v16H6zM14 4h4v16h-4z',
  sound: 'M3 9h4l5-4v14l-5-4H3zM15 9a4 4 0 0 1 0 6M17.5 6.5a8 8 0 0 1 0 11',
  muted: 'M3 9h4l5-4v14l-5-4H3zM16 9l5 6M21 9l-5 6',
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
} as const;

function Icon({ name }: { name: keyof typeof shapes }) {
  const filled = name === 'play' || name === 'pause';
  return (
    <svg
      viewBox="0 0 24 24"
      width="18"
      height="18"
      aria-hidden="true"
      fill={filled ? 'currentColor' : 'none'}
      stroke="currentColor"
      strokeWidth={filled ? 0 : 2}
    >
      <path d={shapes[name]} />
    </svg>
  );
}
