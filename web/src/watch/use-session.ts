/** One session for one funded channel, and the playback that goes with it. */
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { maxPaidOf, signerOf } from '../channels/pay.ts';
import { type ChannelRecord, findChannel, updateChannel } from '../channels/store.ts';
import { Playback, type PlaybackState, type PlaybackStats } from '../media/whep.ts';
import { Provider, ProviderError } from '../provider/client.ts';
import type { ChannelView } from '../provider/wire.ts';
import { SessionClient, type SessionHost } from '../session/client.ts';
import type { Metering, Session } from '../session/core.ts';

export interface Watching {
  readonly session: Session | null;
  readonly playback: PlaybackState;
  readonly playbackProblem: string | null;
  readonly stream: MediaStream | null;
  /** Why the session cannot start yet, while it is tried again. */
  readonly waiting: string | null;
  readonly stats: () => Promise<PlaybackStats | null>;
  /** Of a stored video: what its player reads with. */
  readonly mediaToken: string | null;
  /** Of a stored video: what its player has checked in this run, and a block that failed. */
  readonly onChecked: (token: string, ms: number, bytes: number) => void;
  readonly onDamaged: (cid: string | null, detail: string) => void;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly leave: () => void;
}

const none = (): (() => void) => () => undefined;

/** `metering` says what is watched: a live stream by the clock, a stored video by what was checked. */
export function useSession(channelId: string, metering: Metering): Watching {
  const [client, setClient] = useState<SessionClient | null>(null);
  const [playback, setPlayback] = useState<{ state: PlaybackState; problem: string | null }>({ state: 'connecting', problem: null });
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [mediaToken, setMediaToken] = useState<string | null>(null);
  const [waiting, setWaiting] = useState<string | null>(null);
  const player = useRef<Playback | null>(null);

  useEffect(() => {
    const record = findChannel(channelId);
    if (record === null) return;
    const abort = new AbortController();
    const created = clientOf(record, {
      metering,
      progress: async () => progressOf((await player.current?.stats()) ?? null),
      onMedia: (token) => {
        if (metering === 'checked') {
          setMediaToken(token);
          return;
        }
        player.current?.stop();
        const next = new Playback({
          endpoint: `${record.providerUrl}/whep/${record.contentId}`,
          token,
          onStream: setStream,
          onState: (state, problem) => player.current === next && setPlayback({ state, problem }),
        });
        player.current = next;
        void next.start();
      },
    });
    const stopPlayback = (): void => {
      player.current?.stop();
      setMediaToken(null);
    };
    const unsubscribe = created.subscribe(() => noteEnd(channelId, created.snapshot(), stopPlayback));
    setClient(created);
    void announceFunding(record, abort.signal, setWaiting).then((ready) => {
      if (ready && !abort.signal.aborted) created.connect();
    });
    return () => {
      abort.abort();
      unsubscribe();
      created.dispose();
      player.current?.stop();
      player.current = null;
      setMediaToken(null);
    };
  }, [channelId, metering]);

  const session = useSyncExternalStore(
    client?.subscribe ?? none,
    useCallback(() => client?.snapshot() ?? null, [client]),
  );
  return {
    session,
    playback: playback.state,
    playbackProblem: playback.problem,
    stream,
    waiting,
    mediaToken,
    onChecked: useCallback((token: string, ms: number, bytes: number) => client?.checked(token, ms, bytes), [client]),
    onDamaged: useCallback((cid: string | null, detail: string) => client?.damaged(cid, detail), [client]),
    stats: useCallback(async () => (await player.current?.stats()) ?? null, []),
    pause: useCallback(() => client?.pause(), [client]),
    resume: useCallback(() => client?.resume(), [client]),
    leave: useCallback(() => client?.leave(), [client]),
  };
}

function clientOf(record: ChannelRecord, host: Pick<SessionHost, 'onMedia' | 'progress' | 'metering'>): SessionClient {
  const signer = signerOf(record);
  return new SessionClient({
    url: new Provider(record.providerUrl).sessionUrl,
    contentId: record.contentId,
    channelId: record.channelId,
    msatPerSecond: BigInt(record.terms.msat_per_second),
    maxPaidSat: maxPaidOf(record),
    signed: () => findChannel(record.channelId)?.signed ?? null,
    signStart: signer.start,
    signPayment: (sequence, paidSat) => signer.payment(record.funding, sequence, paidSat),
    persist: (payment) => {
      const stored = updateChannel(record.channelId, (now) => {
        const rises = now.signed === null || payment.paidSat >= now.signed.paidSat || payment.sequence > now.signed.sequence;
        return rises ? { ...now, signed: payment } : now;
      });
      if (stored === null) throw new Error('the channel is no longer in this browser');
    },
    ...host,
  });
}

/** Frames where there is video, packets of sound where there is none. */
const progressOf = (stats: PlaybackStats | null): number | null =>
  stats === null ? null : stats.hasVideo ? stats.framesDecoded : stats.packetsReceived;

/** Tells the provider of the funding until its own node sees it. False: the channel is over. */
async function announceFunding(record: ChannelRecord, signal: AbortSignal, onWaiting: (why: string | null) => void): Promise<boolean> {
  const provider = new Provider(record.providerUrl);
  for (let attempt = 0; !signal.aborted; attempt += 1) {
    try {
      const output = record.funding[0];
      if (output === undefined) return false;
      const view = await provider.hintFunding(record.channelId, { txid: output.txid, vout: output.vout });
      onWaiting(null);
      return noteChannel(record.channelId, view);
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'funding_conflict') return true;
      if (error instanceof ProviderError && (error.code === 'channel_not_open' || error.code === 'channel_expired')) {
        const view = await provider.channel(record.channelId).catch(() => null);
        if (view !== null) return noteChannel(record.channelId, view);
      }
      onWaiting(error instanceof Error ? error.message : String(error));
      await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 1000 * 1.5 ** attempt)));
    }
  }
  return false;
}

/** Writes down what the provider says of the channel; false when it is over. */
function noteChannel(channelId: string, view: ChannelView): boolean {
  const over = view.state === 'closing' || view.state === 'closed' || view.state === 'lost';
  updateChannel(channelId, (now) => ({
    ...now,
    providerState: view.state,
    left: now.left || over,
    outcome: outcomeWith(now, view.closingTxid),
  }));
  return !over;
}

/** The chain has the last word (the keeper); until then the provider's closing transaction is shown as unconfirmed. */
function outcomeWith(record: ChannelRecord, closingTxid: string | null): ChannelRecord['outcome'] {
  if (closingTxid === null || record.outcome.kind !== 'running') return record.outcome;
  return { kind: 'closed', txid: closingTxid, confirmed: false };
}

const codesOfTheEnd = new Set(['channel_not_open', 'channel_expired', 'unknown_channel']);

function noteEnd(channelId: string, session: Session, stopPlayback: () => void): void {
  if (session.channel !== null) noteChannel(channelId, session.channel);
  const { end } = session;
  if (session.phase === 'ended' && end !== null) {
    stopPlayback();
    if (end.reason !== 'replaced') updateChannel(channelId, (now) => ({ ...now, left: true, outcome: outcomeWith(now, end.closingTxid) }));
  }
  if (session.phase === 'refused') stopPlayback();
  if (session.phase === 'starting' && session.notice !== null && codesOfTheEnd.has(session.notice.code)) {
    updateChannel(channelId, (now) => ({ ...now, left: true }));
  }
}
