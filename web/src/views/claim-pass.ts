/** A bought view becomes a pass: the viewer proves by one signature that the view is theirs. */
import type { Address, Hex } from 'viem';
import { type Provider, ProviderError } from '../provider/client.ts';
import { objectionTo, type Purpose } from '../provider/sign-in.ts';
import type { ViewPass } from './pass.ts';

/** A provider's node may be some seconds behind the one that told the page. */
const askEveryMs = 1_500;
const askForMs = 60_000;

export interface Claim {
  readonly provider: Provider;
  readonly contentId: Hex;
  readonly account: Address;
  readonly chainId: number;
  readonly sign: (message: string) => Promise<Hex>;
  /** True: the view is known to be on chain, so "not found" only means "not yet". */
  readonly bought: boolean;
  readonly signal: AbortSignal;
}

export async function claimPass(claim: Claim): Promise<ViewPass> {
  const { provider, contentId, account, chainId } = claim;
  const purpose: Purpose = { purpose: 'view', contentId };
  const message = await provider.challenge(account, purpose);
  const objection = objectionTo(message, { providerUrl: provider.url, address: account, chainId, purpose });
  if (objection !== null) throw new Error(objection);
  const signature = await claim.sign(message);
  const end = Date.now() + askForMs;
  for (;;) {
    claim.signal.throwIfAborted();
    try {
      return await provider.viewPass(message, signature);
    } catch (error) {
      const notYet = error instanceof ProviderError && error.code === 'view_not_found';
      if (!notYet || !claim.bought || Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
  }
}
