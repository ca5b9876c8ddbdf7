/** A creator's broadcast: WHIP (RFC 9725), send only. Constrained-baseline H.264 first and VP8 second: what every viewer decodes. */
import { gathered, type MediaResource, postOffer } from './signalling.ts';

export type BroadcastState = 'connecting' | 'live' | 'interrupted' | 'stopped';

export class Broadcast {
  readonly #connection = new RTCPeerConnection();
  readonly #abort = new AbortController();
  #resource: MediaResource | null = null;

  static async start(options: {
    readonly endpoint: string;
    readonly token: string;
    readonly stream: MediaStream;
    readonly onState: (state: BroadcastState) => void;
  }): Promise<Broadcast> {
    const broadcast = new Broadcast();
    try {
      await broadcast.#connect(options);
      return broadcast;
    } catch (error) {
      broadcast.#connection.close();
      throw error;
    }
  }

  async #connect({ endpoint, token, stream, onState }: Parameters<typeof Broadcast.start>[0]): Promise<void> {
    const connection = this.#connection;
    for (const track of stream.getTracks()) {
      const transceiver = connection.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
      if (track.kind === 'video') {
        track.contentHint = 'motion';
        transceiver.setCodecPreferences(preferred(RTCRtpReceiver.getCapabilities('video')?.codecs ?? []));
      }
    }
    connection.onconnectionstatechange = () => {
      switch (connection.connectionState) {
        case 'connected':
          return onState('live');
        case 'disconnected':
          return onState('interrupted');
        case 'failed':
          return onState('stopped');
        default:
          return undefined;
      }
    };
    onState('connecting');
    await connection.setLocalDescription(await connection.createOffer());
    const sdp = await gathered(connection);
    this.#resource = await postOffer(endpoint, token, sdp, AbortSignal.any([this.#abort.signal, AbortSignal.timeout(20_000)]));
    await connection.setRemoteDescription({ type: 'answer', sdp: this.#resource.answer });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#connection.close();
    await this.#resource?.remove();
    this.#resource = null;
  }
}

interface Codec {
  readonly mimeType: string;
  readonly sdpFmtpLine?: string;
}

/** Constrained baseline with packetization mode 1, then VP8, then retransmission and the like; nothing that a viewer could not decode. */
function preferred<T extends Codec>(codecs: readonly T[]): T[] {
  const rank = ({ mimeType, sdpFmtpLine = '' }: Codec): number | null => {
    switch (mimeType.toLowerCase()) {
      case 'video/h264':
        return /profile-level-id=42e0/i.test(sdpFmtpLine) && /packetization-mode=1/.test(sdpFmtpLine) ? 0 : null;
      case 'video/vp8':
        return 1;
      case 'video/rtx':
        return 2;
      default:
        return null;
    }
  };
  return codecs
    .map((codec) => ({ codec, rank: rank(codec) }))
    .filter((entry): entry is { codec: T; rank: number } => entry.rank !== null)
    .sort((a, b) => a.rank - b.rank)
    .map(({ codec }) => codec);
}
