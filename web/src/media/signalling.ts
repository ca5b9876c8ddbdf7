/** What WHIP (RFC 9725) and WHEP have in common: an SDP offer by POST, the answer, and a resource to DELETE. */
import { request } from '../provider/client.ts';

export interface MediaResource {
  readonly answer: string;
  /** Ends the media; errors are of no interest, since the provider forgets a silent peer by itself. */
  remove(): Promise<void>;
}

export async function postOffer(endpoint: string, token: string, sdp: string, signal: AbortSignal): Promise<MediaResource> {
  const authorization = { authorization: `Bearer ${token}` };
  const response = await request(endpoint, {
    method: 'POST',
    headers: { ...authorization, 'content-type': 'application/sdp' },
    body: sdp,
    signal,
  });
  const location = response.headers.get('location');
  const answer = await response.text();
  return {
    answer,
    remove: async () => {
      if (location === null) return;
      await fetch(new URL(location, endpoint), { method: 'DELETE', headers: authorization, keepalive: true }).catch(() => undefined);
    },
  };
}

/** Candidates go with the offer (no trickle); a second is plenty for the host's own addresses. */
export async function gathered(connection: RTCPeerConnection, patienceMs = 1_000): Promise<string> {
  if (connection.iceGatheringState !== 'complete') {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      connection.addEventListener('icegatheringstatechange', () => {
        if (connection.iceGatheringState !== 'complete') return;
        clearTimeout(timer);
        resolve();
      });
    });
  }
  const sdp = connection.localDescription?.sdp;
  if (sdp === undefined) throw new Error('the browser made no offer');
  return sdp;
}
