/** One signature that pays for a view in a token, and everything that is looked at before the wallet opens. */
import { type Address, type Hex, toHex } from 'viem';
import { useConfig } from 'wagmi';
import { getConnection, readContract, signTypedData, switchChain } from 'wagmi/actions';
import type { Content, Stream } from '../api/model.ts';
import type { Token } from '../config.ts';
import { earningsSplitterAbi } from '../contracts/abi.ts';
import { currencyOf, formatPrice } from '../currency.ts';
import type { ViewPayment } from '../provider/relay.ts';
import { useServices } from '../services.tsx';
import { authorize, expectedSeparator, permitTypedData, recordViewTypedData, signedView, type View, validSeconds } from './payment.ts';
import { tokenAbi } from './token-abi.ts';

type Signed = Extract<ViewPayment, { method: 'signature' }>;

const mayBePaid =
  'The payment that the provider called failed may have gone through all the same, so nothing was signed. ' +
  'Look again in some minutes. An hour after it was signed nobody can send it any more, and you can sign another.';

const newSalt = (): Hex => toHex(crypto.getRandomValues(new Uint8Array(32)));

export function useTokenPayment() {
  const { config } = useServices();
  const wallets = useConfig();
  const chain = { chainId: config.chain.id } as const;

  /**
   * The payment that the provider is to send. Nothing has happened to the money yet. In the place of a payment that failed, and that
   * somebody may still send, it is one of which the chain takes only one of the two; when the failed one may have been taken
   * already, nothing is signed.
   */
  return async (content: Content, stream: Stream, token: Token, viewer: Address, failed: ViewPayment | null): Promise<ViewPayment> => {
    if (getConnection(wallets).chainId !== config.chain.id) await switchChain(wallets, chain);
    const at = { ...chain, address: token.address, abi: tokenAbi } as const;
    const price = content.terms.pricePerView;
    const view: View = {
      ...chain,
      splitter: config.splitter,
      token,
      contentId: content.contentId,
      provider: stream.provider,
      viewer,
      price,
    };
    const [balance, separator] = await Promise.all([
      readContract(wallets, { ...at, functionName: 'balanceOf', args: [viewer] }),
      readContract(wallets, { ...at, functionName: 'DOMAIN_SEPARATOR' }).catch(() => null),
    ]);
    if (balance < price) {
      const currency = currencyOf(config.tokens, token.address);
      throw new Error(`Your account holds ${formatPrice(balance, currency)}, and a view costs ${formatPrice(price, currency)}.`);
    }
    if (separator !== expectedSeparator(token, config.chain.id)) {
      throw new Error(
        `This page’s settings of ${token.symbol} are not the token’s own: a signature would pay for nothing. Nothing was signed.`,
      );
    }
    const now = BigInt(Math.floor(Date.now() / 1000));
    const isUsed = (salt: Hex): Promise<boolean | null> =>
      readContract(wallets, {
        ...at,
        functionName: 'authorizationState',
        args: [viewer, authorize(view, salt, now).typedData.message.nonce],
      }).catch(() => null);
    if (failed?.method === 'signature') return bySignature(view, now + validSeconds, failed);
    const salt = failed === null ? newSalt() : failed.salt;
    const used = await isUsed(salt);
    // Nobody but the viewer and the splitter can use it up: what is used, or cannot be looked up, may have been paid.
    if (failed !== null && used !== false) throw new Error(mayBePaid);
    if (used === null) return bySignature(view, now + validSeconds, null);
    const { typedData, payment } = authorize(view, salt, now);
    return payment(await signTypedData(wallets, { ...typedData, account: viewer }));
  };

  /** For tokens without EIP-3009: the payment is signed, and a permit unless there is an allowance. */
  async function bySignature(view: View, deadline: bigint, failed: Signed | null): Promise<ViewPayment> {
    const { token, viewer, splitter, price } = view;
    const at = { ...chain, address: token.address, abi: tokenAbi } as const;
    const [allowance, nonce] = await Promise.all([
      readContract(wallets, { ...at, functionName: 'allowance', args: [viewer, splitter] }),
      readContract(wallets, { ...chain, address: splitter, abi: earningsSplitterAbi, functionName: 'nonces', args: [viewer] }),
    ]);
    if (failed !== null && nonce !== BigInt(failed.view.nonce)) throw new Error(mayBePaid);
    let permit: Hex | null = null;
    if (allowance < price) {
      const permits = await readContract(wallets, { ...at, functionName: 'nonces', args: [viewer] }).catch(() => null);
      if (permits === null)
        throw new Error(`${token.symbol} cannot be paid with by a signature. Allow the payment in your wallet’s own way first.`);
      permit = await signTypedData(wallets, { ...permitTypedData(view, permits, deadline), account: viewer });
    }
    const signature = await signTypedData(wallets, { ...recordViewTypedData(view, nonce, deadline), account: viewer });
    return signedView(view, nonce, deadline, signature, permit);
  }
}
