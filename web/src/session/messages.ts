/** The messages of a session's socket (docs/protocol.md, section 5). */
import { type ChannelView, readChannel } from '../provider/wire.ts';
import { asAmount, asBoolean, asHex, asInteger, asObject, asText, WireError } from '../wire.ts';

export interface SignedPayment {
  readonly sequence: number;
  readonly paidSat: bigint;
  /** 64 bytes of hex each, one for each input. */
  readonly signatures: readonly string[];
}

export type ServerMessage =
  | { readonly type: 'hello'; readonly nonce: string }
  | {
      readonly type: 'started';
      readonly sessionId: string;
      readonly mediaToken: string;
      readonly tickMs: number;
      readonly sequence: number;
      readonly paidSat: bigint;
      readonly creditMs: number;
    }
  | { readonly type: 'due'; readonly paidSat: bigint; readonly coversMs: number }
  | {
      readonly type: 'receipt';
      readonly sequence: number;
      readonly paidSat: bigint;
      readonly remainingSat: bigint;
      readonly coversMs: number;
    }
  | { readonly type: 'gate'; readonly open: boolean; readonly reason: string }
  | { readonly type: 'channel'; readonly channel: ChannelView }
  | { readonly type: 'warning'; readonly code: string; readonly detail: string }
  | { readonly type: 'error'; readonly code: string; readonly detail: string }
  | { readonly type: 'end'; readonly reason: string; readonly closingTxid: string | null };

/** Null for a type that this version does not know: it is ignored, as later versions may add some. */
export function readMessage(text: string): ServerMessage | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new WireError('the provider sent something that is not JSON');
  }
  const message = asObject(json, 'message');
  switch (message.type) {
    case 'hello':
      if (message.protocol !== 1) throw new WireError('this provider speaks another version of the protocol');
      return { type: 'hello', nonce: asHex(message.nonce, 'nonce', 32) };
    case 'started': {
      const tickMs = asInteger(message.tick_ms, 'tick_ms');
      if (tickMs < 100 || tickMs > 10_000) throw new WireError('tick_ms is not between 100 and 10000');
      return {
        type: 'started',
        sessionId: asText(message.session_id, 'session_id'),
        mediaToken: asText(message.media_token, 'media_token'),
        tickMs,
        sequence: asInteger(message.sequence, 'sequence'),
        paidSat: asAmount(message.paid_sat, 'paid_sat'),
        creditMs: asInteger(message.credit_ms, 'credit_ms'),
      };
    }
    case 'due':
      return { type: 'due', paidSat: asAmount(message.paid_sat, 'paid_sat'), coversMs: asInteger(message.covers_ms, 'covers_ms') };
    case 'receipt':
      return {
        type: 'receipt',
        sequence: asInteger(message.sequence, 'sequence'),
        paidSat: asAmount(message.paid_sat, 'paid_sat'),
        remainingSat: asAmount(message.remaining_sat, 'remaining_sat'),
        coversMs: asInteger(message.covers_ms, 'covers_ms'),
      };
    case 'gate':
      return { type: 'gate', open: asBoolean(message.open, 'open'), reason: asText(message.reason, 'reason') };
    case 'channel':
      return { type: 'channel', channel: readChannel(message.channel) };
    case 'warning':
    case 'error':
      return { type: message.type, code: asText(message.code, 'code'), detail: typeof message.detail === 'string' ? message.detail : '' };
    case 'end': {
      const txid = message.closing_txid ?? null;
      return { type: 'end', reason: asText(message.reason, 'reason'), closingTxid: txid === null ? null : asHex(txid, 'closing_txid', 32) };
    }
    default:
      return null;
  }
}

export function writePayment(channelId: string, payment: SignedPayment): string {
  return JSON.stringify({
    type: 'payment',
    channel_id: channelId,
    sequence: payment.sequence,
    paid_sat: payment.paidSat.toString(),
    signatures: payment.signatures,
  });
}

export function writeStart(contentId: string, channelId: string, signature: string): string {
  return JSON.stringify({ type: 'start', content_id: contentId, channel_id: channelId, signature });
}
