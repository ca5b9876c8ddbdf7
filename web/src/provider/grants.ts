/** Grants kept for this tab, so that a reload asks for no second signature. Forgotten a minute before they end. */
import { type Grant, readGrant } from './sign-in.ts';

const margin = 60_000;

export function grantKey(kind: 'upload' | 'view', providerUrl: string, ...rest: readonly string[]): string {
  return ['paystream.grant', kind, providerUrl, ...rest.map((part) => part.toLowerCase())].join(' ');
}

export function storedGrant(key: string, now = Date.now(), storage: Storage = sessionStorage): Grant | null {
  const text = storage.getItem(key);
  if (text === null) return null;
  try {
    const grant = readGrant(JSON.parse(text));
    if (grant.expiresAt.getTime() - margin > now) return grant;
  } catch {
    // Written by another version of the page: as good as none.
  }
  storage.removeItem(key);
  return null;
}

export function storeGrant(key: string, grant: Grant, storage: Storage = sessionStorage): void {
  storage.setItem(key, JSON.stringify({ token: grant.token, expires_at: grant.expiresAt.toISOString() }));
}

export function forgetGrant(key: string, storage: Storage = sessionStorage): void {
  storage.removeItem(key);
}
