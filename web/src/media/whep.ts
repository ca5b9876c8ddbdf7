/** A viewer's media: WHEP, receive only. It lives as long as its media token; a broken transport is built again with the same token. */
import { ProviderError } from '../provider/client.ts';
import { gathered, type MediaResource, postOffer } from './signalling.ts';

export type PlaybackState = 'connecting' | 'connected' | 'retrying' | 'closed';

export class Playback {
  readonly #endpoint: string;
  readonly #token: string;
  readonly #onStream: (stream: MediaStream) => void;
  readonly #onState: (state: PlaybackState, problem: string | null) => void;
  readonly #abort = new AbortController();
  #connection: RTCPeerConnection | null = null;
  #resource: MediaResource | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;

  constructor(options: {
    readonly endpoint: string;
    readonly token: string;
    readonly onStream: (stream: MediaStream) => void;
    readonly onState: (state: PlaybackState, problem: string | null) => void;
  }) {
    this.#endpoint = options.endpoint;
    this.#token = options.token;
    this.#onStream = options.onStream;
    this.#onState = options.onState;
  }

  async start(): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#drop();
    this.#onState('connecting', null);
    const connection = new RTCPeerConnection();
    this.#connection = connection;
    const stream = new MediaStream();
    connection.addTransceiver('video', { direction: 'recvonly' });
    connection.addTransceiver('audio', { direction: 'recvonly' });
    connection.ontrack = ({ track }) => {
      stream.addTrack(track);
      this.#onStream(stream);
    };
    connection.onconnectionstatechange = () => {
      if (this.#connection !== connection) return;
      if (connection.connectionState === 'connected') {
        this.#failures = 0;
        this.#onState('connected', null);
      }
      if (connection.connectionState === 'failed') this.#retry('The video connection broke.');
    };
    try {
      await connection.setLocalDescription(await connection.createOffer());
      const sdp = await gathered(connection);
      const resource = await postOffer(
        this.#endpoint,
        this.#token,
        sdp,
        AbortSignal.any([this.#abort.signal, AbortSignal.timeout(15_000)]),
      );
      if (this.#connection !== connection) {
        await resource.remove();
        return;
      }
      this.#resource = resource;
      await connection.setRemoteDescription({ type: 'answer', sdp: resource.answer });
    } catch (error) {
      if (this.#abort.signal.aborted || this.#connection !== connection) return;
      // The token is the session's: without it a new one comes with the next `started`.
      if (error instanceof ProviderError && (error.code === 'unauthorized' || error.code === 'payment_required')) {
        this.#onState('closed', null);
        return;
      }
      if (error instanceof ProviderError && error.code === 'stream_offline') this.#await();
      else this.#retry(error instanceof Error ? error.message : String(error));
    }
  }

  stop(): void {
    this.#abort.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    void this.#resource?.remove();
    this.#resource = null;
    this.#drop();
    this.#onState('closed', null);
  }

  async stats(): Promise<PlaybackStats | null> {
    const connection = this.#connection;
    return connection === null ? null : readStats(await connection.getStats());
  }

  /** Nobody is publishing: no fault, and looked at steadily, so that the picture comes soon after the broadcast does. */
  #await(): void {
    this.#drop();
    this.#timer = setTimeout(() => void this.start(), 1_500);
  }

  #retry(problem: string): void {
    this.#drop();
    this.#onState('retrying', problem);
    const afterMs = Math.min(10_000, 1_000 * 2 ** Math.min(this.#failures++, 4));
    this.#timer = setTimeout(() => void this.start(), afterMs);
  }

  #drop(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}

export interface PlaybackStats {
  readonly hasVideo: boolean;
  readonly packetsReceived: number;
  readonly framesDecoded: number;
  readonly framesDropped: number;
  readonly width: number;
  readonly height: number;
  readonly bytesReceived: number;
  readonly packetsLost: number;
  readonly codec: string | null;
  readonly roundTripMs: number | null;
}

interface StatsEntry {
  readonly id: string;
  readonly type: string;
  readonly [name: string]: unknown;
}

function readStats(report: { forEach(visit: (entry: StatsEntry) => void): void }): PlaybackStats {
  const entries = new Map<string, StatsEntry>();
  report.forEach((entry) => {
    entries.set(entry.id, entry);
  });
  const all = [...entries.values()];
  const video = all.find((entry) => entry.type === 'inbound-rtp' && entry.kind === 'video');
  const inbound = all.filter((entry) => entry.type === 'inbound-rtp');
  const pair = all.find((entry) => entry.type === 'candidate-pair' && entry.nominated === true);
  const codec = typeof video?.codecId === 'string' ? entries.get(video.codecId)?.mimeType : undefined;
  const number = (value: unknown): number => (typeof value === 'number' ? value : 0);
  return {
    hasVideo: video !== undefined,
    packetsReceived: inbound.reduce((sum, entry) => sum + number(entry.packetsReceived), 0),
    framesDecoded: number(video?.framesDecoded),
    framesDropped: number(video?.framesDropped),
    width: number(video?.frameWidth),
    height: number(video?.frameHeight),
    bytesReceived: inbound.reduce((sum, entry) => sum + number(entry.bytesReceived), 0),
    packetsLost: inbound.reduce((sum, entry) => sum + number(entry.packetsLost), 0),
    codec: typeof codec === 'string' ? codec.replace(/^video\//, '') : null,
    roundTripMs: typeof pair?.currentRoundTripTime === 'number' ? Math.round(pair.currentRoundTripTime * 1000) : null,
  };
}
