/** Which of a content's channels the page shows. Pure. */
import type { ChannelRecord } from './store.ts';

export interface ToWatch {
  /** To fund, or to watch with. */
  readonly running: ChannelRecord | null;
  /** Left, with its settlement still to be shown. */
  readonly ended: ChannelRecord | null;
}

/**
 * `channels` are those of one content, newest first. One that holds money goes before a newer one that does not, as when two tabs have
 * opened one each: nobody is asked to pay twice. A viewer who has just left sees the settlement, until they dismiss it.
 */
export function channelToWatch(channels: readonly ChannelRecord[], dismissed: string | null): ToWatch {
  const [newest] = channels;
  if (newest?.left === true && newest.channelId !== dismissed) return { running: null, ended: newest };
  // One whose refund is due is no channel to watch with any more.
  const open = channels.filter((record) => !record.left && record.outcome.kind === 'running' && record.dearRefund === null);
  const funded = open.find((record) => record.funding.length > 0);
  return { running: funded ?? open.find((record) => record === newest) ?? null, ended: null };
}
