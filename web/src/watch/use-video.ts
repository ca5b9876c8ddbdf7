/** What a `<video>` element is doing, as the controls show it. */
import { type RefObject, useEffect, useState } from 'react';

export interface VideoState {
  readonly playing: boolean;
  /** It wants to play and has nothing to show. */
  readonly waiting: boolean;
  readonly ended: boolean;
  readonly timeS: number;
  readonly buffered: readonly { readonly start: number; readonly end: number }[];
  readonly muted: boolean;
  readonly volume: number;
}

const events = [
  'play',
  'playing',
  'pause',
  'waiting',
  'ended',
  'timeupdate',
  'seeking',
  'seeked',
  'progress',
  'volumechange',
  'loadeddata',
];

const idle: VideoState = { playing: false, waiting: false, ended: false, timeS: 0, buffered: [], muted: false, volume: 1 };

export function useVideo(video: RefObject<HTMLVideoElement | null>): VideoState {
  const [state, setState] = useState(idle);
  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    const read = (): void =>
      setState({
        playing: !element.paused,
        waiting: !element.paused && !element.ended && element.readyState < 3,
        ended: element.ended,
        timeS: element.currentTime,
        buffered: Array.from({ length: element.buffered.length }, (_, index) => ({
          start: element.buffered.start(index),
          end: element.buffered.end(index),
        })),
        muted: element.muted,
        volume: element.volume,
      });
    read();
    for (const event of events) element.addEventListener(event, read);
    return () => {
      for (const event of events) element.removeEventListener(event, read);
    };
  }, [video]);
  return state;
}

/** Sound starts off where the browser demands it. */
export function playWithSound(element: HTMLVideoElement): void {
  element.play().catch((error: unknown) => {
    if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
    element.muted = true;
    void element.play().catch(() => undefined);
  });
}
