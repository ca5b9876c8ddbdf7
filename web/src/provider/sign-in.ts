/**
 * Signing in to a provider (docs/protocol.md, section 14): a message of EIP-4361, one signature, a token for some hours. The message is the
 * provider's; what it says is checked here before the wallet shows it, so that no provider can have somebody sign in elsewhere.
 */
import { parseSiweMessage } from 'viem/siwe';
import { asObject, asText, WireError } from '../wire.ts';

export type Purpose = { readonly purpose: 'upload' } | { readonly purpose: 'view'; readonly contentId: string };

/** A bearer token: of an upload, or a pass for a view. */
export interface Grant {
  readonly token: string;
  readonly expiresAt: Date;
}

function resourceOf(purpose: Purpose): string {
  return purpose.purpose === 'upload' ? 'urn:paystream:upload' : `urn:paystream:view:${purpose.contentId.toLowerCase()}`;
}

export interface Expected {
  readonly providerUrl: string;
  readonly address: string;
  readonly chainId: number;
  readonly purpose: Purpose;
}

/** Null, or why the message must not be signed. */
export function objectionTo(message: string, expected: Expected): string | null {
  const read = parseSiweMessage(message);
  const { host } = new URL(expected.providerUrl);
  if (read.domain?.toLowerCase() !== host.toLowerCase()) {
    return `The provider at ${host} asked for a signature for “${printable(read.domain)}”. Nothing was signed.`;
  }
  if (read.address?.toLowerCase() !== expected.address.toLowerCase()) {
    return 'The provider asked for the signature of another account. Nothing was signed.';
  }
  if (read.chainId !== expected.chainId) return 'The provider works on another Ethereum network than this page. Nothing was signed.';
  const resources = (read.resources ?? []).map((resource) => resource.toLowerCase());
  if (resources.length !== 1 || resources[0] !== resourceOf(expected.purpose)) {
    return 'The provider asked for a signature over something else than this. Nothing was signed.';
  }
  return null;
}

export function readGrant(json: unknown): Grant {
  const grant = asObject(json, 'answer');
  const expiresAt = new Date(asText(grant.expires_at, 'expires_at'));
  if (Number.isNaN(expiresAt.getTime())) throw new WireError('expires_at is no time');
  const token = asText(grant.token, 'token');
  if (!/^[\x21-\x7e]{1,4096}$/.test(token)) throw new WireError('token is none');
  return { token, expiresAt };
}

function printable(text: string | undefined): string {
  return (text ?? '').slice(0, 100).replace(/[^\x20-\x7e]/g, '?');
}
