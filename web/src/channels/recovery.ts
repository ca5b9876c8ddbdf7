/** The recovery file: all that a refund needs, for another browser or another day. Whoever has it can take the refund. */
import type { BitcoinNetwork } from '../config.ts';
import { checkRecord } from './open.ts';
import { type ChannelRecord, findChannel, parseRecord, saveChannel, writeRecord } from './store.ts';

export function downloadRecovery(record: ChannelRecord): void {
  const url = URL.createObjectURL(new Blob([writeRecord(record)], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `paystream-channel-${record.channelId.slice(0, 12)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Takes a file in; what this browser knows already is kept, as it may be newer. */
export function importRecovery(text: string, network: BitcoinNetwork): ChannelRecord {
  const record = checkRecord(parseRecord(text));
  if (record.terms.network !== network) {
    throw new Error(`This channel is on the Bitcoin network “${record.terms.network}”, and this page works on “${network}”.`);
  }
  const known = findChannel(record.channelId);
  if (known !== null) return known;
  saveChannel(record);
  return record;
}
