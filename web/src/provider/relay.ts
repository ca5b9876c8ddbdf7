/** A payment that a provider sends for a viewer who signed it (docs/protocol.md, section 13). */
import type { Address, Hex } from 'viem';
import { asObject, asText, WireError } from '../wire.ts';

/** What the provider is asked to send; amounts are decimal texts. */
export type ViewPayment =
  | {
      readonly method: 'authorization';
      readonly content_id: Hex;
      readonly viewer: Address;
      readonly price: string;
      readonly salt: Hex;
      readonly valid_after: string;
      readonly valid_before: string;
      readonly signature: Hex;
    }
  | {
      readonly method: 'signature';
      readonly view: {
        readonly viewer: Address;
        readonly content_id: Hex;
        readonly provider: Address;
        readonly token: Address;
        readonly max_price: string;
        readonly nonce: string;
        readonly deadline: string;
      };
      readonly signature: Hex;
      readonly permit: { readonly value: string; readonly deadline: string; readonly signature: Hex } | null;
    };

export interface Relay {
  readonly relayId: Hex;
  readonly state: 'pending' | 'confirmed' | 'failed';
  readonly transaction: Hex | null;
  readonly detail: string | null;
}

export function readRelay(json: unknown): Relay {
  const relay = asObject(json, 'relay');
  const { state } = relay;
  if (state !== 'pending' && state !== 'confirmed' && state !== 'failed') throw new WireError('state is none that this page knows');
  const relayId = asText(relay.relay_id, 'relay_id');
  if (!/^0x[0-9a-fA-F]{64}$/.test(relayId)) throw new WireError('relay_id is no hash');
  return {
    relayId: relayId as Hex,
    state,
    transaction: typeof relay.transaction === 'string' ? (relay.transaction as Hex) : null,
    detail: typeof relay.detail === 'string' && relay.detail !== '' ? relay.detail : null,
  };
}
