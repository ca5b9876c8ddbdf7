/** Hands a signed payment to the provider and follows it until it is on chain. */
import { type Provider, ProviderError } from '../provider/client.ts';
import type { Relay, ViewPayment } from '../provider/relay.ts';

const askEveryMs = 1_000;

/** The payment did not happen, and will not: `message` says why. */
export class PaymentRefused extends Error {
  override readonly name = 'PaymentRefused';
}

export async function relayed(
  provider: Provider,
  payment: ViewPayment,
  onRelay: (relay: Relay) => void,
  signal: AbortSignal,
): Promise<Relay> {
  let relay = await submitted(provider, payment);
  for (;;) {
    signal.throwIfAborted();
    onRelay(relay);
    if (relay.state === 'confirmed') return relay;
    if (relay.state === 'failed') throw new PaymentRefused(relay.detail ?? 'The payment was not included. Nothing was taken from you.');
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
    relay = await asked(provider, relay, signal);
  }
}

async function submitted(provider: Provider, payment: ViewPayment): Promise<Relay> {
  try {
    return await provider.recordView(payment);
  } catch (error) {
    // What a provider refuses it does not send; what it did not answer may have been sent, and is asked again.
    if (error instanceof ProviderError && isRefusal(error)) throw new PaymentRefused(error.message, { cause: error });
    throw error;
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
function isRefusal({ status }: ProviderError): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}
