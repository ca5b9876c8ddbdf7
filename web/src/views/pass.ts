/** The pass of a bought view: a media token for 24 hours, kept for this tab so that a reload goes on. */
import { forgetGrant, grantKey, storedGrant, storeGrant } from '../provider/grants.ts';
import type { Grant } from '../provider/sign-in.ts';

export type ViewPass = Grant;

const key = (providerUrl: string, contentId: string, account: string): string => grantKey('view', providerUrl, contentId, account);

/** Null: none, or one that has ended. */
export function storedPass(providerUrl: string, contentId: string, account: string): ViewPass | null {
  return storedGrant(key(providerUrl, contentId, account));
}

export function storePass(providerUrl: string, contentId: string, account: string, pass: ViewPass): void {
  storeGrant(key(providerUrl, contentId, account), pass);
}

/** After a provider has refused it. */
export function forgetPass(providerUrl: string, contentId: string, account: string): void {
  forgetGrant(key(providerUrl, contentId, account));
}
