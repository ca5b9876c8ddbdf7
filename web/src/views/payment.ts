/** What a viewer signs to pay for one view in a token, and what the provider is then asked to send (docs/protocol.md, section 13). Pure. */
import { type Address, domainSeparator, type Hex } from 'viem';
import type { Token } from '../config.ts';
import { viewAuthorizationNonce } from '../contracts/channel-id.ts';
import { splitterSigning } from '../contracts/typed-data.ts';
import type { ViewPayment } from '../provider/relay.ts';

/** A payment that nobody has sent by then is void. */
export const validSeconds = 3_600n;

export interface View {
  readonly chainId: number;
  readonly splitter: Address;
  readonly token: Token;
  readonly contentId: Hex;
  readonly provider: Address;
  readonly viewer: Address;
  /** In the token's smallest unit; exactly this is paid. */
  readonly price: bigint;
}

/** What a wallet is asked to sign, and the payment that its signature completes. */
export interface Authorization {
  readonly typedData: ReturnType<typeof authorizationTypedData>;
  readonly payment: (signature: Hex) => ViewPayment;
}

/** EIP-3009: the token itself pays the splitter, once, for this view and for nothing else. */
export function authorize(view: View, salt: Hex, nowSeconds: bigint): Authorization {
  const validBefore = nowSeconds + validSeconds;
  return {
    typedData: authorizationTypedData(view, salt, validBefore),
    payment: (signature) => ({
      method: 'authorization',
      content_id: view.contentId,
      viewer: view.viewer,
      price: view.price.toString(),
      salt,
      valid_after: '0',
      valid_before: validBefore.toString(),
      signature,
    }),
  };
}

function authorizationTypedData(view: View, salt: Hex, validBefore: bigint) {
  return {
    domain: tokenDomain(view),
    types: {
      ReceiveWithAuthorization: [
        { name: 'from', type: 'address' },
        { name: 'to', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'validAfter', type: 'uint256' },
        { name: 'validBefore', type: 'uint256' },
        { name: 'nonce', type: 'bytes32' },
      ],
    },
    primaryType: 'ReceiveWithAuthorization',
    message: {
      from: view.viewer,
      to: view.splitter,
      value: view.price,
      validAfter: 0n,
      validBefore,
      nonce: viewAuthorizationNonce(view.contentId, view.provider, view.viewer, salt),
    },
  } as const;
}

/** EIP-2612: lets the splitter take exactly the price, for tokens without EIP-3009. */
export function permitTypedData(view: View, nonce: bigint, deadline: bigint) {
  return {
    domain: tokenDomain(view),
    types: {
      Permit: [
        { name: 'owner', type: 'address' },
        { name: 'spender', type: 'address' },
        { name: 'value', type: 'uint256' },
        { name: 'nonce', type: 'uint256' },
        { name: 'deadline', type: 'uint256' },
      ],
    },
    primaryType: 'Permit',
    message: { owner: view.viewer, spender: view.splitter, value: view.price, nonce, deadline },
  } as const;
}

/** The payment itself, where an allowance or a permit pays. */
export function recordViewTypedData(view: View, nonce: bigint, deadline: bigint) {
  return {
    ...splitterSigning(view.chainId, view.splitter),
    primaryType: 'RecordView',
    message: {
      viewer: view.viewer,
      contentId: view.contentId,
      provider: view.provider,
      token: view.token.address,
      maxPrice: view.price,
      nonce,
      deadline,
    },
  } as const;
}

export function signedView(view: View, nonce: bigint, deadline: bigint, signature: Hex, permit: Hex | null): ViewPayment {
  return {
    method: 'signature',
    view: {
      viewer: view.viewer,
      content_id: view.contentId,
      provider: view.provider,
      token: view.token.address,
      max_price: view.price.toString(),
      nonce: nonce.toString(),
      deadline: deadline.toString(),
    },
    signature,
    permit: permit === null ? null : { value: view.price.toString(), deadline: deadline.toString(), signature: permit },
  };
}

function tokenDomain({ token, chainId }: Pick<View, 'token' | 'chainId'>) {
  return { name: token.name, version: token.version, chainId, verifyingContract: token.address } as const;
}

/** What `DOMAIN_SEPARATOR()` of the token answers when the page's settings are right. */
export function expectedSeparator(token: Token, chainId: number): Hex {
  return domainSeparator({ domain: tokenDomain({ token, chainId }) });
}

/** Whether the payment may still be sent. */
export function isUsable(payment: ViewPayment, nowSeconds: bigint): boolean {
  return BigInt(payment.method === 'authorization' ? payment.valid_before : payment.view.deadline) > nowSeconds;
}
