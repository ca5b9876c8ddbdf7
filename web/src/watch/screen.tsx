import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Weave } from '../ui/weave.tsx';
import { usePoster } from './use-poster.ts';

/** The picture. Sound starts off where the browser demands it, with a button to turn it on. */
export function Screen({
  stream,
  note,
  seed,
  poster,
}: {
  stream: MediaStream | null;
  note: ReactNode;
  seed: string;
  /** Of a stored video that is not played yet. */
  poster?: { readonly providerUrl: string; readonly cid: string };
}) {
  const picture = usePoster(poster?.providerUrl ?? '', poster?.cid ?? null);
  const video = useRef<HTMLVideoElement>(null);
  const [muted, setMuted] = useState(false);
  useEffect(() => {
    const element = video.current;
    if (element === null || element.srcObject === stream) return;
    element.srcObject = stream;
    if (stream === null) return;
    element.play().catch(() => {
      element.muted = true;
      setMuted(true);
      void element.play().catch(() => undefined);
    });
  }, [stream]);
  const unmute = (): void => {
    setMuted(false);
    const element = video.current;
    if (element === null) return;
    element.muted = false;
    void element.play();
  };
  const fullScreen = (): void => void video.current?.requestFullscreen?.().catch(() => undefined);
  return (
    <div className="screen">
      {/* biome-ignore lint/a11y/useMediaCaption: a live broadcast comes without captions */}
      <video ref={video} autoPlay playsInline aria-label="Live video" data-testid="player" />
      {stream === null && picture === null && <Weave seed={seed} />}
      {stream === null && picture !== null && <img className="screen-poster" src={picture} alt="" />}
      {note !== null && <div className="screen-note">{note}</div>}
      {note === null && stream !== null && (
        <div className="screen-controls">
          {muted && (
            <button type="button" className="button small" onClick={unmute}>
              Turn the sound on
            </button>
          )}
          <button type="button" className="button small" onClick={fullScreen}>
            Full screen
          </button>
        </div>
      )}
    </div>
  );
}
