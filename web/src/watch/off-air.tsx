import { useQuery } from '@tanstack/react-query';
import type { ChannelRecord } from '../channels/store.ts';
import { Provider } from '../provider/client.ts';

/** Said wherever money could be sent for a broadcast that is not on. `when` tells until when the money may be tied up. */
export function OffAirWarning({ id, when }: { id?: string; when: string }) {
  return (
    <div className="notice warn stack-s" role="status" id={id} data-testid="off-air-warning">
      <p>
        <strong>Off air: nobody is broadcasting this now.</strong>
      </p>
      <p>
        You can fund a channel and wait. The picture, and the meter with it, start by themselves when the broadcast does; until then nothing
        is paid. Leave, and the money comes back less the network’s fee; without the provider’s help it comes back {when}.
      </p>
    </div>
  );
}

/** Whether the channel's provider still has something to show, asked while its address is on the screen. */
export function useBroadcast(record: ChannelRecord): 'on' | 'off' | 'unreachable' | 'unknown' {
  const offer = useQuery({
    queryKey: ['offer', record.providerUrl, record.contentId],
    queryFn: ({ signal }) => new Provider(record.providerUrl).offer(record.contentId, signal),
    refetchInterval: 5_000,
  });
  if (offer.isError) return 'unreachable';
  if (offer.data === undefined) return 'unknown';
  // A stored video is there for whoever comes: "off air" is about broadcasts.
  return offer.data.live || offer.data.stored !== null ? 'on' : 'off';
}
