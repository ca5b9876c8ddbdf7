import { useEffect, useRef, useState } from 'react';
import type { Address } from 'viem';
import { useSignMessage } from 'wagmi';
import type { Content } from '../api/model.ts';
import { Broadcast, type BroadcastState } from '../media/whip.ts';
import { formatDuration } from '../money.ts';
import { Provider } from '../provider/client.ts';
import { ActionButton, Problem } from '../ui/action-button.tsx';
import { useStreamerUrl } from './streamer-url.tsx';

const words: Record<BroadcastState | 'idle' | 'signing', string> = {
  idle: 'Not on air',
  signing: 'Waiting for your signature',
  connecting: 'Connecting',
  live: 'On air',
  interrupted: 'The connection is interrupted',
  stopped: 'Stopped',
};

/** Camera or screen to a streamer by WHIP, after one signature of the creator. */
export function GoLive({ account, contents }: { account: Address; contents: readonly Content[] }) {
  const streamer = useStreamerUrl();
  const { mutateAsync: signMessage } = useSignMessage();
  const [chosen, setChosen] = useState('');
  const [source, setSource] = useState<MediaStream | null>(null);
  const [state, setState] = useState<keyof typeof words>('idle');
  const [since, setSince] = useState<number | null>(null);
  const broadcast = useRef<Broadcast | null>(null);
  const preview = useRef<HTMLVideoElement>(null);
  const contentId = chosen === '' ? contents[0]?.contentId : chosen;
  const onAir = state === 'live' || state === 'connecting' || state === 'interrupted';

  useEffect(() => {
    if (preview.current !== null) preview.current.srcObject = source;
    return () => {
      for (const track of source?.getTracks() ?? []) track.stop();
    };
  }, [source]);
  useEffect(() => () => void broadcast.current?.stop(), []);

  const take = async (kind: 'camera' | 'screen'): Promise<void> => {
    try {
      setSource(
        kind === 'camera'
          ? await navigator.mediaDevices.getUserMedia({
              video: { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { max: 30 } },
              audio: true,
            })
          : await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true }),
      );
    } catch (error) {
      throw captureProblem(error);
    }
  };
  const start = async (): Promise<void> => {
    if (source === null || contentId === undefined) return;
    const provider = new Provider(streamer.url);
    try {
      setState('signing');
      const message = await provider.publishChallenge(contentId, account);
      const token = await provider.publishToken(message, await signMessage({ message }));
      broadcast.current = await Broadcast.start({
        endpoint: `${provider.url}/whip/${contentId}`,
        token,
        stream: source,
        onState: (next) => {
          setState(next);
          if (next === 'live') setSince((at) => at ?? Date.now());
        },
      });
    } catch (error) {
      setState('idle');
      throw error;
    }
  };
  const stop = async (): Promise<void> => {
    await broadcast.current?.stop();
    broadcast.current = null;
    setSince(null);
    setState('idle');
  };

  return (
    <section className="card stack" aria-label="Go live">
      <div className="row spread">
        <h2>Go live</h2>
        <span className={`badge ${state === 'live' ? 'live' : ''}`} role="status" data-testid="broadcast-state">
          {words[state]}
          {since !== null && <Clock since={since} />}
        </span>
      </div>
      <div className="screen" style={{ margin: 0, borderRadius: 'var(--radius-s)' }}>
        <video ref={preview} autoPlay playsInline muted aria-label="Your preview" data-testid="preview" />
        {source === null && (
          <div className="screen-note">
            <p>Choose a camera or a screen to see the preview.</p>
          </div>
        )}
      </div>
      {!onAir && (
        <div className="row" style={{ alignItems: 'start' }}>
          <ActionButton action={() => take('camera')} className="small" testId="use-camera">
            Camera
          </ActionButton>
          <ActionButton action={() => take('screen')} className="small" testId="use-screen">
            Screen
          </ActionButton>
        </div>
      )}
      {contents.length === 0 ? (
        <p className="quiet">Register a live stream first.</p>
      ) : (
        <label className="field">
          <span>As</span>
          <select
            className="input"
            value={contentId}
            onChange={(event) => setChosen(event.target.value)}
            disabled={onAir}
            data-testid="go-live-content"
          >
            {contents.map((content) => (
              <option key={content.contentId} value={content.contentId}>
                {content.name}
              </option>
            ))}
          </select>
        </label>
      )}
      {!onAir && streamer.field}
      {state === 'stopped' && (
        <Problem>The connection to the streamer broke. Go live again to continue; viewers are not charged meanwhile.</Problem>
      )}
      {onAir ? (
        <ActionButton action={stop} className="wide" busyLabel="Stopping…" testId="stop-live">
          Stop
        </ActionButton>
      ) : (
        <ActionButton
          action={start}
          className="primary wide"
          busyLabel={words.signing}
          disabled={source === null || contentId === undefined || streamer.url === ''}
          testId="go-live"
        >
          Go live
        </ActionButton>
      )}
    </section>
  );
}

function Clock({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return <span className="mono">{formatDuration(now - since)}</span>;
}

function captureProblem(error: unknown): unknown {
  if (!(error instanceof DOMException)) return error;
  switch (error.name) {
    case 'NotAllowedError':
      return new Error('The browser was not allowed to capture. Allow it beside the address bar and try again.');
    case 'NotFoundError':
      return new Error('No camera or microphone was found.');
    case 'NotReadableError':
      return new Error('The camera is in use by another program.');
    default:
      return error;
  }
}
