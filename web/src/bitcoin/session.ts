/** What a viewer signs to start a session (section 5.1). */
import { fromHex, toHex } from './bytes.ts';
import { sign } from './signature.ts';
import { taggedHash } from './terms.ts';

export interface SessionStart {
  /** From the server's `hello`. */
  readonly nonce: string;
  readonly channelId: string;
  /** With `0x`. */
  readonly contentId: string;
}

/** `tagged("paystream/session/v1", nonce || channel_id || content_id)`. */
export function sessionDigest({ nonce, channelId, contentId }: SessionStart): Uint8Array {
  return taggedHash(
    'paystream/session/v1',
    fromHex('nonce', nonce, 32),
    fromHex('channel_id', channelId, 32),
    fromHex('content_id', contentId.startsWith('0x') ? contentId.slice(2) : 'x', 32),
  );
}

/** The signature of the `start` message, in hex. */
export function signSessionStart(start: SessionStart, viewerSecret: Uint8Array): string {
  return toHex(sign(sessionDigest(start), viewerSecret));
}
