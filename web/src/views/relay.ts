/** Hands a signed payment to the provider and follows it until it is on chain. */
import { type Provider, ProviderError } from '../provider/client.ts';
import { followed, isRefusal, RelayFailed } from '../provider/follow-relay.ts';
import type { Relay, ViewPayment } from '../provider/relay.ts';

export async function relayed(
  provider: Provider,
  payment: ViewPayment,
  onRelay: (relay: Relay) => void,
  signal: AbortSignal,
): Promise<Relay> {
  return followed(provider, await submitted(provider, payment), onRelay, signal);
}

async function submitted(provider: Provider, payment: ViewPayment): Promise<Relay> {
  try {
    return await provider.recordView(payment);
  } catch (error) {
    // What a provider refuses it does not send; what it did not answer may have been sent, and is asked again.
    if (!(error instanceof ProviderError) || !isRefusal(error)) throw error;
    // A refusal to pay is the contract's or the provider's own reason, and not that of publishing.
    throw new RelayFailed(error.code === 'forbidden' ? error.detail : error.message, { cause: error });
  }
}
