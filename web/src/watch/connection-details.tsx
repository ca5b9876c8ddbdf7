import { useEffect, useState } from 'react';
import type { PlaybackStats } from '../media/whep.ts';
import { formatInteger } from '../money.ts';

/** What the browser itself counts about the video: for the curious, and for whoever looks for a fault. */
export function ConnectionDetails({ stats }: { stats: () => Promise<PlaybackStats | null> }) {
  const [now, setNow] = useState<{ stats: PlaybackStats; bitrate: number } | null>(null);
  useEffect(() => {
    let last: { bytes: number; at: number } | null = null;
    const read = async (): Promise<void> => {
      const got = await stats().catch(() => null);
      if (got === null) return;
      const at = performance.now();
      const bitrate = last === null || got.bytesReceived < last.bytes ? 0 : ((got.bytesReceived - last.bytes) * 8) / (at - last.at);
      last = { bytes: got.bytesReceived, at };
      setNow({ stats: got, bitrate });
    };
    const timer = setInterval(() => void read(), 500);
    return () => clearInterval(timer);
  }, [stats]);
  return (
    <details className="card" data-testid="connection-details">
      <summary>Connection details</summary>
      <dl className="facts">
        <dt>Frames decoded</dt>
        <dd className="mono" data-testid="frames-decoded" data-value={now?.stats.framesDecoded ?? 0}>
          {formatInteger(BigInt(now?.stats.framesDecoded ?? 0))}
        </dd>
        <dt>Frames dropped</dt>
        <dd className="mono">{now?.stats.framesDropped ?? 0}</dd>
        <dt>Picture</dt>
        <dd className="mono">
          {now === null || now.stats.width === 0 ? '–' : `${now.stats.width}×${now.stats.height} ${now.stats.codec ?? ''}`}
        </dd>
        <dt>Bitrate</dt>
        <dd className="mono" data-testid="bitrate" data-value={Math.round(now?.bitrate ?? 0)}>
          {formatInteger(BigInt(Math.round(now?.bitrate ?? 0)))} kbit/s
        </dd>
        <dt>Packets lost</dt>
        <dd className="mono">{now?.stats.packetsLost ?? 0}</dd>
        <dt>Round trip</dt>
        <dd className="mono">{now?.stats.roundTripMs === null || now === null ? '–' : `${now.stats.roundTripMs} ms`}</dd>
      </dl>
    </details>
  );
}
