/** Follows a transaction that a provider sends until it is on chain. */
import { type Provider, ProviderError } from './client.ts';
import type { Relay } from './relay.ts';

const askEveryMs = 1_000;

/** It did not happen, and will not: `message` says why. */
export class RelayFailed extends Error {
  override readonly name = 'RelayFailed';
}

export async function followed(provider: Provider, first: Relay, onRelay: (relay: Relay) => void, signal: AbortSignal): Promise<Relay> {
  let relay = first;
  for (;;) {
    signal.throwIfAborted();
    onRelay(relay);
    if (relay.state === 'confirmed') return relay;
    if (relay.state === 'failed') throw new RelayFailed(relay.detail ?? 'The transaction was not included. Nothing has changed.');
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
    relay = await asked(provider, relay, signal);
  }
}

async function asked(provider: Provider, last: Relay, signal: AbortSignal): Promise<Relay> {
  try {
    return await provider.relay(last.relayId, signal);
  } catch (error) {
    if (error instanceof ProviderError && !isRefusal(error)) return last;
    throw error;
  }
}

/** A definite no, other than "later". */
export function isRefusal({ status }: ProviderError): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}
