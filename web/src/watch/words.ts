/** The state of a session in words: what is happening, and what the viewer can do about it. */
import type { PlaybackState } from '../media/whep.ts';
import type { Session } from '../session/core.ts';

export type Tone = 'on' | 'wait' | 'off' | 'bad';

export interface Words {
  readonly tone: Tone;
  readonly text: string;
  readonly detail: string | null;
}

export function stateInWords(session: Session, playback: PlaybackState, minConfirmations: number | null): Words {
  const words = (tone: Tone, text: string, detail: string | null = null): Words => ({ tone, text, detail });
  if (session.phase === 'refused') return words('bad', 'Stopped for your safety', session.notice?.detail ?? null);
  if (session.phase === 'ended') return words('off', 'Ended', endInWords(session.end?.reason ?? ''));
  if (session.phase === 'leaving') return words('wait', 'Closing the channel', 'The provider is broadcasting the last payment.');
  if (session.phase !== 'active') {
    return session.failures > 1
      ? words('wait', 'Reconnecting', 'The provider does not answer. Nothing is paid meanwhile; your money is safe in the channel.')
      : words('wait', 'Connecting to the provider');
  }
  if (session.refusal === 'no_picture') {
    return words(
      'bad',
      'Paused: no picture arrives',
      'The page stopped paying because the video stands still. Resume to try a few seconds more, or leave.',
    );
  }
  if (!session.paying) return words('off', 'Paused: payment stopped', 'No payment, no video. Resume whenever you like.');
  switch (session.refusal) {
    case 'above_price':
      return words(
        'bad',
        'The provider asked for more than the price',
        'Nothing was paid for it. Leave, and choose another provider if it goes on.',
      );
    case 'above_capacity':
      return words('off', 'The channel is used up', 'Leave to settle it, and open another one to go on.');
    case 'ahead_of_clock':
      return words(
        'wait',
        'The provider is ahead of your clock',
        'It asked for more time than has passed. The page pays once the time has come.',
      );
    case 'funding_unknown':
      return words('wait', 'Looking for your payment');
    case 'ahead_of_blocks':
    case 'unchecked':
    case 'damaged':
    case 'paused':
    case null:
      break;
  }
  const confirmations = session.channel?.confirmations ?? null;
  switch (session.gate.reason) {
    case 'preview_used':
    case 'channel_not_open':
      return words(
        'wait',
        `Waiting for confirmation ${confirmations ?? 0}/${minConfirmations ?? 1}`,
        'It goes on by itself with the next Bitcoin block.',
      );
    case 'stream_offline':
      return words('wait', 'Off air', 'Nobody is broadcasting right now. It goes on, and so does the meter, when the broadcast does.');
    default:
      break;
  }
  if (playback === 'retrying') return words('wait', 'The video connection broke', 'It is being built again.');
  if (session.gate.open) {
    if (playback !== 'connected') return words('wait', 'Starting the video');
    if (session.channel?.state === 'unconfirmed') {
      return words('on', 'Playing a preview', `Waiting for confirmation ${confirmations ?? 0}/${minConfirmations ?? 1} of your payment.`);
    }
    return words('on', 'Playing');
  }
  if (session.gate.reason === 'payment_due') return words('wait', 'Paying');
  return words('wait', 'Starting the video');
}

/** What a stored video's player is doing, beside the session. */
export interface StoredNow {
  readonly problem: boolean;
  readonly playing: boolean;
  readonly waiting: boolean;
  readonly ended: boolean;
}

export function storedStateInWords(session: Session, now: StoredNow, minConfirmations: number | null): Words {
  const words = (tone: Tone, text: string, detail: string | null = null): Words => ({ tone, text, detail });
  if (session.damage !== null && (session.phase === 'active' || session.phase === 'connecting' || session.phase === 'starting')) {
    return words('bad', 'Stopped: a block failed its check', 'Nothing is paid any more. Leave, and the rest of your money comes back.');
  }
  if (session.phase !== 'active') return stateInWords(session, 'connected', minConfirmations);
  switch (session.refusal) {
    case 'unchecked':
      return words(
        'bad',
        'The provider asks for more than it sent',
        'Nothing was paid for what this page has not checked. Leave, and choose another provider if it goes on.',
      );
    case 'above_price':
    case 'above_capacity':
    case 'funding_unknown':
      return stateInWords(session, 'connected', minConfirmations);
    default:
      break;
  }
  const confirmations = `${session.channel?.confirmations ?? 0}/${minConfirmations ?? 1}`;
  if ((session.gate.reason === 'preview_used' || session.gate.reason === 'channel_not_open') && !session.gate.open) {
    return words('wait', `Waiting for confirmation ${confirmations}`, 'It goes on by itself with the next Bitcoin block.');
  }
  if (now.problem) return words('bad', 'Stopped', 'Nothing is paid while nothing comes.');
  if (now.ended) return words('off', 'Watched to the end', 'Leave to settle the channel, or watch it again.');
  if (!now.playing) return words('off', 'Paused', 'Nothing more is read, and nothing more is paid.');
  if (now.waiting) return words('wait', session.gate.reason === 'payment_due' && !session.gate.open ? 'Paying' : 'Reading the video');
  if (session.channel?.state === 'unconfirmed') {
    return words('on', 'Playing a preview', `Waiting for confirmation ${confirmations} of your payment.`);
  }
  return words('on', 'Playing');
}

function endInWords(reason: string): string {
  switch (reason) {
    case 'left':
      return 'You left. The last payment settles the channel.';
    case 'exhausted':
      return 'The channel was used up to its last second.';
    case 'idle':
      return 'The provider closed the channel after a while without you.';
    case 'expired':
      return 'The channel came close to its expiry and was closed in time.';
    case 'replaced':
      return 'This channel is being watched in another tab or window.';
    case 'lost':
      return 'The channel’s money was spent by another transaction.';
    case 'protocol_error':
      return 'The provider ended the session: it could not understand this page.';
    default:
      return 'The session has ended.';
  }
}
